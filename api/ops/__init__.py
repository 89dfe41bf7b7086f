"""What operators, probes and browsers ask for: health, metrics, docs, pictures."""
