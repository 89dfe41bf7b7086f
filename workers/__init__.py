"""The processes behind the lanes and the callbacks. Only this package uses Celery; tasks are thin."""
