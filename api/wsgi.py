"""The application for gunicorn: ``gunicorn api.wsgi:app``."""

from __future__ import annotations

from api import create_app
from api.ending import ENDING
from api.house import EXTENSION
from api.server.greenlets import GREENLETS
from api.settled import settle_first
from limner.log import catch_the_rest, set_up
from limner.settings.in_force import in_force
from stack import traces
from stack.image_watch import ImageWatch
from stack.privacy import keep_to_ourselves

keep_to_ourselves()
_settings = in_force()
set_up(_settings.log_format, _settings.log_level)
catch_the_rest()
app = create_app(_settings, concurrency=GREENLETS)
_house = app.extensions[EXTENSION]
settle_first(app, _house.store.schema, GREENLETS)
ENDING.drain_s = _settings.api_drain_s
ENDING.call(_house.watcher.end)
# In each worker, which loads the application after it was forked: what sends them is a thread.
ENDING.leave = traces.start(_settings, "api")
# Not in ``create_app``: only processes that serve need the thread.
_watch = ImageWatch(_house.images.direct, _house.store)
ENDING.call(_watch.end)
_watch.start()
