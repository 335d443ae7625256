"""The Singer target: Singer messages into Salesforce through bulk ingest jobs."""
