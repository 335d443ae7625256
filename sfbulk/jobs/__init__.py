"""Bulk jobs: their states, and the verbs of query and ingest jobs."""
