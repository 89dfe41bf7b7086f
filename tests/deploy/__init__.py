"""What is held of the kit in deploy/: alerts, dashboard, manifests, compose file; and ``make deploy-check``."""
