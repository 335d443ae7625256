"""A Singer tap that reads Salesforce through bulk query jobs."""
