"""The command `sfbulk`: a thin face of the client, on a terminal and for scripts."""
