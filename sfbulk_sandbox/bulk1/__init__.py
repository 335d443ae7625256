"""Bulk API 1.0: jobs with batches (Bulk API guide: Bulk API)."""
