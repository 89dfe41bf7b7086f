"""What hosts with OpenAI-like image routes do otherwise, as options; the operator's own come first.

Sources: Volcengine Ark's reference of image generation (Seedream); the hosts' own clients for xAI, Together and
OpenRouter; SiliconFlow's reference; Google's page on its OpenAI-like face; LiteLLM's proxy, which was run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from limner.errors import ConfigError
from limner.settings import EngineSettings

#: the ratios that xAI and OpenRouter have words for
_XAI_RATIOS = ["1:1", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16", "2:1", "1:2"]
_OPENROUTER_RATIOS = [
    *("1:1", "5:4", "4:5", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16", "21:9"),
]

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "seedream": {
        "base_url": "https://ark.cn-beijing.volces.com/api/v3",
        "listed": False,
        "send_n": False,
        # What every model from 4.0 on draws.
        "sizes": [],
        "least_pixels": 3_686_400,
        "most_pixels": 10_404_496,
        "longest_px": 16_384,
        "ratio_most": 16.0,
        "pictures_as": "image",
        "pictures_most": 14,
        # Else it writes on the picture that it is drawn by a machine.
        "extra": {"watermark": False},
    },
    "xai": {
        "base_url": "https://api.x.ai/v1",
        "listed": False,
        "size_as": "aspect_ratio",
        "sizes": _XAI_RATIOS,
        "pictures_as": "image-objects",
        "pictures_most": 3,
        "response_format": "b64_json",
    },
    "together": {
        "base_url": "https://api.together.xyz/v1",
        "listed": False,
        "send_n": False,
        "size_as": "width-height",
        "sizes": [],
        "most_pixels": 1440 * 1440,
        "longest_px": 1440,
        # Its models draw from words, or from pictures.
        "edits": False,
        "pictures_as": "image_url",
        "pictures_most": 1,
        "response_format": "base64",
        "seeds": "field",
    },
    "openrouter": {
        "base_url": "https://openrouter.ai/api/v1",
        "path": "/images",
        "models_path": "/models?output_modalities=image",
        "send_n": False,
        "size_as": "aspect_ratio",
        "sizes": _OPENROUTER_RATIOS,
        "pictures_as": "input_references",
        "pictures_most": 4,
    },
    "siliconflow": {
        "base_url": "https://api.siliconflow.cn/v1",
        "send_n": False,
        "size_as": "image_size",
        # Qwen-Image's; it tells the size of an edit from the picture.
        "sizes": [
            *("1328x1328", "1584x1056", "1056x1584", "1472x1140", "1140x1472"),
            *("1664x928", "928x1664"),
        ],
        "edits": False,
        "edit_size": False,
        "pictures_as": "images-numbered",
        "pictures_most": 3,
        "seeds": "field",
        "negative": "field",
    },
    "gemini": {
        "base_url": "https://generativelanguage.googleapis.com/v1beta/openai",
        "size_as": "none",
        "response_format": "b64_json",
        "edits": False,
    },
    "litellm": {
        # It tries again by itself, and a drawing would be paid for several times.
        "headers": {"x-litellm-num-retries": "0"},
        # Not every provider behind it takes every field of OpenAI's.
        "extra": {"drop_params": True},
    },
}

#: tables that are put together, name by name
_MERGED = ("extra", "headers")


def with_preset(settings: EngineSettings) -> EngineSettings:
    """Return an engine's entry in which its ``preset`` is spelt out.

    Raises:
        ConfigError: there is no such preset.
    """
    options = dict(settings.options)
    name = options.pop("preset", None)
    if name is None:
        return settings
    preset = PRESETS.get(name) if isinstance(name, str) else None
    if preset is None:
        where = f"limner.toml: engine {settings.name}: preset"
        raise ConfigError(where, f"must be one of {', '.join(sorted(PRESETS))}")
    if options.get("edit_model"):
        preset = {**preset, "edits": True}
    for table in _MERGED:
        own = options.get(table, {})
        if table in preset and isinstance(own, dict):
            options[table] = {**preset[table], **own}
    return dataclasses.replace(settings, options={**preset, **options})
