"""Every fault the sandbox knows, on every request of each flow of the client."""
