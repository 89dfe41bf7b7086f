"""Draws with a diffusers pipeline on this machine; needs the extra ``limner[diffusers]``.

Source: diffusers 0.42.1 with torch 2.13.0, run; docs/engines/diffusers.md says how to set it up. The
parts: ``engine`` (the contract) · ``mapping`` (brief → ``order``: numbers and words) · ``abilities``
(what of it is exact) · ``families``, ``library`` (what a kind of pipeline takes) · ``model``, ``parts`` (where
one is, and what it lacks) · ``process``, ``meeting``, ``wire`` (the workers' end of the drawing process) ·
``child``, ``counter`` (its own end) · ``painter``, ``pipelines``, ``drawing``, ``steps``, ``adapter``,
``captioner``, ``latents``, ``colours`` (what runs in it) · ``config``.
"""

from __future__ import annotations

from pathlib import Path

from engines.diffusers.config import read_config
from engines.diffusers.engine import Diffusers
from engines.diffusers.model import missing_packages
from engines.remote.options import Options
from limner.errors import ConfigError
from limner.settings import EngineSettings

__all__ = ["Diffusers", "build"]


def build(settings: EngineSettings) -> Diffusers:
    """Build the engine from its ``[[engine]]`` entry; nothing is loaded before the first drawing.

    Raises:
        ConfigError: an option is wrong, or torch and diffusers are not installed.
    """
    options = Options(settings)
    config = read_config(options)
    for name in config.models:
        if Path(name).expanduser().is_file():
            options.wrong(
                "model", f"{name} is a file; it must be a pipeline's folder, or a hub name"
            )
    if missing := missing_packages():
        raise ConfigError(
            f"limner.toml: engine {settings.name}: driver",
            f"{', '.join(missing)} not installed here: pip install 'limner[diffusers]'",
        )
    versions = tuple(settings.versions.values())
    return Diffusers(settings.name, config, versions)
