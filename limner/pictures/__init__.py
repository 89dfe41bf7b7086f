"""Pictures: kept in the image store, decoded within bounds, composed, shrunk."""
