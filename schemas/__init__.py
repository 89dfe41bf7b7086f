"""The wire format: what callers may send, and the one shape in which a job is shown."""
