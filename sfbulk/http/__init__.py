"""HTTP: sends one request, maps errors, and decides whether to send it again."""
