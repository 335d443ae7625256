"""HTTP: requests, responses, the recorder of requests, the server."""
