"""Bulk API 2.0: jobs, uploads, the processing of jobs, and results."""
