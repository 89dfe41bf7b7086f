"""All blueprints of the console; ``create_app`` registers them unless it is off."""

from __future__ import annotations

from api.console.assets import assets
from api.console.drawing import drawing
from api.console.entering import entering, entrance
from api.console.gallery import browsing
from api.console.live import live
from api.console.steering import steering

CONSOLE = (entrance, assets, live, drawing, browsing, steering, entering)
