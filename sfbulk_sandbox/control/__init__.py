"""The control plane: how a test controls the sandbox, in Python and over HTTP."""
