"""The processes behind the lanes and the callbacks. Celery lives only here; task bodies are doors."""
