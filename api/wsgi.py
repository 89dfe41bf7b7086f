"""The application for gunicorn: ``gunicorn api.wsgi:app``."""

from __future__ import annotations

from api import create_app
from api.house import EXTENSION
from limner.log import set_up
from limner.settings import Settings
from stack.image_watch import ImageWatch
from stack.privacy import keep_to_ourselves

keep_to_ourselves()
_settings = Settings.load()
set_up(_settings.log_format, _settings.log_level)
app = create_app(_settings)
_house = app.extensions[EXTENSION]
# Not in ``create_app``: only processes that serve need the thread.
ImageWatch(_house.images, _house.store.reports).start()
