"""Outgoing HTTP: what every request to somebody else has in common, whoever it is for."""
