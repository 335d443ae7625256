"""Describes: what an org says of its objects and fields."""
