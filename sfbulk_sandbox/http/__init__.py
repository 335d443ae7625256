"""HTTP: requests, responses, the recorder of calls, the server."""
