"""The org: its rows, the folder or file they come from, long-running transactions."""
