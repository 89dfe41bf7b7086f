"""What the drivers of engines behind HTTP share."""
