"""The application as gunicorn finds it: ``gunicorn api.wsgi:app``."""

from __future__ import annotations

from api import create_app
from limner.log import set_up
from limner.settings import Settings

_settings = Settings.load()
set_up(_settings.log_format, _settings.log_level)
app = create_app(_settings)
