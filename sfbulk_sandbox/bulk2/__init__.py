"""Bulk API 2.0: jobs, their uploads, their work and their results."""
