"""Pictures: stored, decoded within limits, composed, scaled down."""
