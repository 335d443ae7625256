"""HTTP: one request, what its failure means, whether to send it again."""
