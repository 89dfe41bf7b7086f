"""Outgoing HTTP: what all requests to other servers have in common."""
