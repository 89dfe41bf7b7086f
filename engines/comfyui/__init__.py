"""The driver of a ComfyUI server: its HTTP routes, and its socket for percent and previews.

Source: ComfyUI 0.3.64 and 0.10.0, run and read; docs/engines/comfyui.md says how to set it up. The parts:
``engine`` (the contract) · ``mapping`` (brief → numbers and words) · ``families`` (the models) · ``graph``,
``workflow``, ``editor`` (the graphs) · ``storeroom``, ``finder`` (what the server has) · ``server`` (HTTP) · ``flights`` (the poller) · ``listener``, ``frames`` (the socket) ·
``drawing`` (collects the news of both) · ``faults`` (its failures as our errors) · ``config``.
"""

from __future__ import annotations

from engines.comfyui.config import read_config
from engines.comfyui.engine import ComfyUI
from engines.remote.options import Options
from limner.settings import EngineSettings

__all__ = ["ComfyUI", "build"]


def build(settings: EngineSettings) -> ComfyUI:
    """Build the engine from its ``[[engine]]`` entry; the server is not asked yet."""
    return ComfyUI(read_config(settings.name, Options(settings)))
