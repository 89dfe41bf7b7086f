"""The domain of Limner: jobs, lanes, leases, the outbox, prompts, settings and errors.

Nothing here imports Flask, Celery, marshmallow or requests; only ``limner.store`` imports redis.
"""
