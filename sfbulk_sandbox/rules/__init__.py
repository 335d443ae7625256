"""The rules of saving rows: checks, lookups, defaults, and writing."""
