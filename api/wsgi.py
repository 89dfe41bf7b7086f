"""The application as gunicorn finds it: ``gunicorn api.wsgi:app``."""

from __future__ import annotations

from api import create_app
from api.house import EXTENSION
from limner.image_watch import ImageWatch
from limner.log import set_up
from limner.privacy import keep_to_ourselves
from limner.settings import Settings

keep_to_ourselves()
_settings = Settings.load()
set_up(_settings.log_format, _settings.log_level)
app = create_app(_settings)
_house = app.extensions[EXTENSION]
# Here, not in ``create_app``: a thread is for processes that serve.
ImageWatch(_house.images, _house.store.reports).start()
