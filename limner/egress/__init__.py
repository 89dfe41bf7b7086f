"""Which hosts and addresses may be dialled for callers."""
