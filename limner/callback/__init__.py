"""Callbacks: where they go, how often one is tried, how they are signed."""
