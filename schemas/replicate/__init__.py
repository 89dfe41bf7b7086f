"""The wire of Replicate's API, both ways."""
