"""The gateway's metrics and warnings."""
