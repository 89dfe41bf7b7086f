"""The default engine: a painter of the words it knows, with numpy and Pillow and no download.

``engines.load`` calls ``build``. Nothing here imports numpy: the painting happens in child processes
(``child.py``), so that it never delays a worker's heartbeat. See docs/sketch.md.
"""

from __future__ import annotations

from engines.sketch.engine import SketchEngine
from limner.engine import Engine
from limner.settings import EngineSettings


def build(settings: EngineSettings) -> Engine:
    """Return the engine; ``processes`` is its only option.

    Raises:
        ConfigError: an option is unknown or wrong.
    """
    return SketchEngine.configured(settings)
