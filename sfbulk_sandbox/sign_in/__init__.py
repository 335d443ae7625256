"""Sign-in: OAuth flows, SOAP login(), sessions and tokens."""
