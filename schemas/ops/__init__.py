"""The operators' API, ``/ops``: what it takes, and its document."""
