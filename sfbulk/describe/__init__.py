"""Describes: the objects and fields of an org."""
