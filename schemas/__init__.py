"""The wire, both ways: what callers may send, and the one shape in which a job is shown."""
