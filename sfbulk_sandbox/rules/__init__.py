"""What Salesforce does to rows that are saved: checks, lookups, defaults, and the writing."""
