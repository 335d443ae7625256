"""The REST API: records, queries, collections, composite resources."""
