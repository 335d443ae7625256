"""SOQL: parsed with a grammar, checked against the schema, run as SQL on the org's tables."""
