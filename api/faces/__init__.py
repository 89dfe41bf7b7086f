"""The protocols that the gateway speaks, a folder each."""
