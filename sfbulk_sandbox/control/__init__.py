"""The control plane: what a tester does to the sandbox, and the switches of its behaviour."""
