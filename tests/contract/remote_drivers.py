"""What the tests of the remote drivers share: a driver on its stand-in, and drawings that are watched.

A test file names its ``DRIVER``; the fixtures ``server``, ``build`` and ``brief`` (in conftest.py) do
the rest.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from limner.engine import Brief, Engine, Event, Finished, Handle, Stop
from limner.errors import EngineError
from limner.settings import EngineSettings, LaneLimits
from tests.contract.applied_suite import AppliedSuite
from tests.contract.engine_suite import EngineSuite
from tests.standins import bfl, fal, replicate
from tests.standins.bfl import BflApi
from tests.standins.cog import CogContainer
from tests.standins.comfyui import Comfy
from tests.standins.fal import FalQueue
from tests.standins.loopback import Asked, Loopback
from tests.standins.mjproxy import MjServer
from tests.standins.openai import OpenAIServer
from tests.standins.replicate import ReplicateApi
from tests.standins.sdapi import Sdapi
from tests.standins.sdcpp import SdServer

#: the variable of the environment that holds a hosted engine's key
KEY_VARIABLE = "DRAWERS_KEY"
#: where nobody listens
NOWHERE = "http://127.0.0.1:1"
WAIT_S = 20.0


@dataclass(frozen=True, eq=False)
class Driver:
    """A remote driver as its tests set it up: on its stand-in, at a pace of moments."""

    driver: str
    stand_in: type[Loopback]
    options: Mapping[str, Any]
    #: the option that says where the server is
    where: str = "url"
    #: the value of ``KEY_VARIABLE``, for a driver that is given a key by it
    key: str = "none"
    #: options that say where else something of the server's is, each with its path there
    beside: Mapping[str, str] = field(default_factory=dict)

    def entry(self, url: str = NOWHERE, **options: Any) -> EngineSettings:
        """Return the engine's entry; an option of None is left out."""
        beside = {name: f"{url}{path}" for name, path in self.beside.items()}
        chosen = {self.where: url, **beside, **self.options, **options}
        return EngineSettings(
            "drawer",
            self.driver,
            fast=LaneLimits(2),
            options={name: value for name, value in chosen.items() if value is not None},
        )


BFL = Driver(
    "bfl",
    BflApi,
    {
        "api_key_env": KEY_VARIABLE,
        "model": "flux-2-pro",
        "scale": 1,
        "poll_s": 0.01,
        "polls_most": 1000,
    },
    where="base_url",
    key=bfl.KEY,
)
COG = Driver("cog", CogContainer, {"poll_s": 0.02})
COMFYUI = Driver("comfyui", Comfy, {"checkpoint": "sd15.safetensors", "poll_s": 0.05})
FAL = Driver(
    "fal",
    FalQueue,
    {
        "api_key_env": KEY_VARIABLE,
        "model": "acme/painter/dev",
        "scale": 1,
        "poll_s": 0.01,
        "polls_most": 1000,
    },
    where="base_url",
    key=fal.KEY,
    beside={"schema_url": "/api/openapi.json"},
)
MJPROXY = Driver("mjproxy", MjServer, {"poll_s": 0.01})
#: a square, a landscape and a portrait, as OpenAI has them, but quickly drawn
SMALL = ["128x128", "192x128", "128x192"]
OPENAI = Driver("openai", OpenAIServer, {"model": "gpt-image", "sizes": SMALL}, where="base_url")
REPLICATE = Driver(
    "replicate",
    ReplicateApi,
    {
        "api_token_env": KEY_VARIABLE,
        "model": "acme/painter",
        "scale": 1,
        "poll_s": 0.01,
        "polls_most": 1000,
    },
    where="base_url",
    key=replicate.KEY,
)
SDAPI = Driver("sdapi", Sdapi, {"poll_s": 0.02})
SDCPP = Driver("sdapi", SdServer, {"poll_s": 0.02})


def steps_of(
    engine: Engine, brief: Brief, handle: Handle | None = None, stop: Stop | None = None
) -> list[Event]:
    """Every event of one drawing; with ``handle`` of one that was submitted before."""
    handle = handle or engine.submit(brief)
    return list(engine.watch(handle, brief, stop or threading.Event()))


def drawn(
    engine: Engine, brief: Brief, handle: Handle | None = None, stop: Stop | None = None
) -> Finished:
    """What a drawing ends in."""
    last = steps_of(engine, brief, handle, stop)[-1]
    assert isinstance(last, Finished)
    return last


class Watching:
    """A drawing that is watched in a thread of its own."""

    def __init__(self, engine: Engine, brief: Brief, handle: Handle | None = None) -> None:
        self.stop = threading.Event()
        self.steps: list[Event] = []
        self.error: EngineError | None = None
        handle = handle or engine.submit(brief)
        self._thread = threading.Thread(target=self._watch, args=(engine, handle, brief))
        self._thread.start()

    def _watch(self, engine: Engine, handle: Handle, brief: Brief) -> None:
        try:
            for step in engine.watch(handle, brief, self.stop):
                self.steps.append(step)
        except EngineError as error:
            self.error = error

    def end(self) -> Watching:
        """Wait for its end, which must come by itself or was asked for by ``stop``; raise what it ended in."""
        self._wait()
        if self.error:
            raise self.error
        return self

    def failed(self) -> EngineError:
        """Wait for its end in an error."""
        self._wait()
        assert self.error
        return self.error

    def _wait(self) -> None:
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()

    def saw(self, kind: type[Event]) -> bool:
        return any(isinstance(step, kind) for step in self.steps)


def sent_to(server: Loopback) -> list[tuple[str, bytes]]:
    """Every body that a stand-in was sent; the boundaries of forms, which are random, are left out."""
    return [
        (asked.path, asked.body.replace(_boundary_of(asked), b""))
        for asked in list(server.asked)
        if asked.body
    ]


def _boundary_of(asked: Asked) -> bytes:
    return asked.headers.get("content-type", "").partition("boundary=")[2].encode() or b"\0"


class _OnAServer:
    """Over a stand-in with these faults, by an engine with these options."""

    options: dict[str, Any] = {}
    faults: tuple[str, ...] = ()

    @pytest.fixture
    def engine(self, server, build):
        server.faults |= set(self.faults)
        return build(**self.options)


class OnAServer(_OnAServer, EngineSuite):
    """The contract over a stand-in."""


class AppliesOnAServer(_OnAServer, AppliedSuite):
    """The proof of what is claimed, by the ledger of a stand-in."""

    @pytest.fixture
    def ledger(self, server):
        return lambda: server.drawn

    @pytest.fixture
    def sent(self, server):
        return lambda: sent_to(server)
