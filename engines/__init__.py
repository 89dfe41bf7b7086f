"""Drawing drivers, one file or folder each; ``load`` builds a configured engine.

Called by the workers at start. Drivers are imported only when configured, so that a heavy one costs
nothing to those who do not use it. A third party's driver is an entry point in the group
``limner.engines`` and imports only ``limner.engine`` and ``limner.errors``.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from typing import cast

from limner.engine import Engine
from limner.errors import ConfigError
from limner.settings import EngineSettings

Build = Callable[[EngineSettings], Engine]

#: driver name → module with a ``build(EngineSettings) -> Engine``
BUILT_IN = {
    "sketch": "engines.sketch",
    "rehearsal": "engines.rehearsal",
    "comfyui": "engines.comfyui",
    "sdapi": "engines.sdapi",
    "cog": "engines.cog",
    "openai": "engines.openai",
    "mjproxy": "engines.mjproxy",
    "youchuan": "engines.youchuan",
    "gemini": "engines.gemini",
    "dashscope": "engines.dashscope",
    "diffusers": "engines.diffusers",
    "replicate": "engines.replicate",
    "fal": "engines.fal",
    "bfl": "engines.bfl",
}


def load(settings: EngineSettings) -> Engine:
    """Build the engine described by ``settings``.

    Raises:
        ConfigError: no such driver, or the driver refuses an option.
    """
    return _builder(settings)(settings)


def _builder(settings: EngineSettings) -> Build:
    if settings.driver in BUILT_IN:
        return cast("Build", import_module(BUILT_IN[settings.driver]).build)
    for point in entry_points(group="limner.engines", name=settings.driver):
        return cast("Build", point.load())
    known = ", ".join(sorted(BUILT_IN))
    raise ConfigError(f"engine {settings.name}: driver", f"{settings.driver!r} is none of {known}")
