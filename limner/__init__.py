"""The domain of Limner: jobs, lanes, leases, the outbox, prompts, settings and errors.

Nothing in here knows Flask, Celery, marshmallow or requests; only ``limner.store`` knows Redis.
"""
