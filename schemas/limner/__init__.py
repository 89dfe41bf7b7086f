"""The wire of the documented API, both ways."""
