"""The gateway's numbers and warnings."""
