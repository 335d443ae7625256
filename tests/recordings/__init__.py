"""The sandbox beside answers that were recorded from real orgs."""
