"""Scripted faults, the progress of jobs, and the errors the org answers with."""
