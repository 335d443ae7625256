"""Scripted faults, the progress of jobs, and the exceptions of the org."""
