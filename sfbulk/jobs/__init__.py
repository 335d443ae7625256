"""What the jobs of both bulk APIs share."""
