"""The HTTP server around the application: gunicorn's worker and hooks."""
