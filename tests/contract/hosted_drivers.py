"""The drivers of hosted accounts, and the presets of ``openai``, on their stand-ins: more of ``remote_drivers``."""

from __future__ import annotations

from typing import Any

from tests.contract.remote_drivers import KEY_VARIABLE, Driver
from tests.standins import dashscope, gemini
from tests.standins.dashscope import DashScopeServer
from tests.standins.gemini import GeminiServer
from tests.standins.loopback import Loopback
from tests.standins.openai_hosts import (
    GeminiFaceServer,
    OpenRouterServer,
    SiliconFlowServer,
    SmallSeedreamServer,
    TogetherServer,
    XaiServer,
)
from tests.standins.youchuan import YouchuanServer

#: polls at a pace of moments
_QUICKLY = {"poll_s": 0.01, "polls_most": 1000}


def _preset(name: str, stand_in: type[Loopback], **options: Any) -> Driver:
    return Driver("openai", stand_in, {"preset": name, **options}, where="base_url")


SEEDREAM = _preset(
    "seedream",
    SmallSeedreamServer,
    model="doubao-seedream-4-5-251128",
    least_pixels=4096,
    scale=1.0,
)
XAI = _preset("xai", XaiServer, model="grok-imagine-image-quality")
TOGETHER = _preset(
    "together",
    TogetherServer,
    model="black-forest-labs/FLUX.1-schnell",
    edit_model="black-forest-labs/FLUX.1-kontext-pro",
    scale=1.0,
)
OPENROUTER = _preset("openrouter", OpenRouterServer, model="bytedance-seed/seedream-4.5")
SILICONFLOW = _preset(
    "siliconflow",
    SiliconFlowServer,
    model="Qwen/Qwen-Image",
    edit_model="Qwen/Qwen-Image-Edit-2509",
    listed=False,
    sizes=["128x128", "192x128", "128x192"],
)
GEMINI_FACE = _preset("gemini", GeminiFaceServer, model="gemini-2.5-flash-image", listed=False)

YOUCHUAN = Driver(
    "youchuan",
    YouchuanServer,
    {"app_env": KEY_VARIABLE, "secret_env": KEY_VARIABLE, **_QUICKLY},
    where="base_url",
)
GEMINI = Driver(
    "gemini",
    GeminiServer,
    {"api_key_env": KEY_VARIABLE, "model": gemini.MODEL},
    where="base_url",
    key=gemini.KEY,
    beside={"base_url": "/v1beta"},
)
DASHSCOPE = Driver(
    "dashscope",
    DashScopeServer,
    {
        "api_key_env": KEY_VARIABLE,
        "model": "wan2.2-t2i-flash",
        "scale": 1,
        "least_pixels": 0,
        **_QUICKLY,
    },
    where="base_url",
    key=dashscope.KEY,
    beside={"base_url": "/api/v1"},
)
