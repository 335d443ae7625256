"""SOQL: parsed by a grammar, checked against the schema, run as SQL over the org's tables."""
