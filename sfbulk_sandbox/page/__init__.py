"""The page: what is in the org and what happens to it, for a browser on this machine."""
