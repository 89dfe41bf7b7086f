"""The documented API: imagine, follow-ups, jobs, live events, callbacks."""
