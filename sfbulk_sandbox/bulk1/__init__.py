"""Bulk API 1.0: jobs of batches in XML or JSON (Bulk API guide: Bulk API)."""
