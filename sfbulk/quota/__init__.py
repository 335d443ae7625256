"""The org's limits, and how much of them a run may use."""
