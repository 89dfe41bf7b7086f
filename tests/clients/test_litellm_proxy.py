"""The openai engine behind a real LiteLLM proxy, in front of a stand-in for the provider."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

import engines
from engines.remote.session import Answered
from limner.engine import Engine
from limner.errors import EngineBusy, EngineDown, EngineError, Refused, Rejected
from limner.settings import EngineSettings, LaneLimits
from tests.clients.running import PYTHON
from tests.clients.serving import free_port, serving
from tests.contract.engine_suite import EngineSuite, a_brief, drawn_to_the_end
from tests.standins.openai import OpenAIServer

pytestmark = pytest.mark.slow

KEY, NOT_THE_KEY = "sk-of-the-proxy", "sk-of-somebody-else"
SIZES = ["128x128", "192x128", "128x192"]


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenAIServer]:
    with OpenAIServer() as server:
        yield server


@pytest.fixture(scope="module")
def proxy(provider, tmp_path_factory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("litellm")
    there = {"model": "openai/gpt-image-1", "api_base": f"{provider.url}/v1", "api_key": "sk-x"}
    config = {
        "model_list": [{"model_name": "painter", "litellm_params": there}],
        "general_settings": {"master_key": KEY},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
    }
    # JSON is YAML.
    (folder / "config.yaml").write_text(json.dumps(config))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(PYTHON.parent / "litellm"), "--config", "config.yaml", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--telemetry", "False"]
    # Its table of prices would be fetched.
    environ = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with serving(command, folder, f"{url}/health/liveliness", environ):
        yield url


@pytest.fixture
def build(proxy, provider, monkeypatch) -> Iterator[Callable[..., Engine]]:
    built: list[Engine] = []

    def build(key: str = KEY, **options) -> Engine:
        monkeypatch.setenv("PROXY_KEY", key)
        chosen = {"model": "painter", "sizes": SIZES, "api_key_env": "PROXY_KEY", **options}
        entry = EngineSettings(
            "proxy", "openai", fast=LaneLimits(2), options={"base_url": proxy, **chosen}
        )
        built.append(engines.load(entry))
        return built[-1]

    yield build
    provider.faults.clear()
    provider.asked.clear()
    for engine in built:
        engine.close()


class TestBehindLiteLLM(EngineSuite):
    """The contract."""

    @pytest.fixture
    def engine(self, build):
        return build()


def test_each_cell_is_one_request_to_the_provider(provider, build):
    drawn_to_the_end(build(), a_brief())

    bodies = [asked.json for asked in provider.asked_for("/v1/images/generations")]
    assert [(body["model"], body["size"]) for body in bodies] == [("gpt-image-1", "128x192")] * 4
    assert all(body["prompt"].startswith(a_brief().prompt) for body in bodies)


def test_a_reference_goes_through_as_an_edit(provider, build, tmp_path):
    Image.new("RGB", (128, 192), "red").save(tmp_path / "red.png")
    asked = dataclasses.replace(a_brief(seeds=(5,)), references=(tmp_path / "red.png",))

    assert len(drawn_to_the_end(build(), asked).cells) == 1
    (edit,) = provider.asked_for("/v1/images/edits")
    assert (tmp_path / "red.png").read_bytes()[:8] in edit.body


def test_a_stream_is_more_than_this_proxy_can_hand_on(build):
    # Seen with LiteLLM 1.110. When this fails, docs/engines/openai.md may promise previews.
    with pytest.raises(Answered) as caught:
        drawn_to_the_end(build(partial_images=1), a_brief(seeds=(5,)))

    assert caught.value.answer.status == 500


@pytest.mark.parametrize("how", ["field", "sd-server"])
def test_a_seed_goes_through(provider, build, how):
    engine, brief = build(seeds=how), a_brief(seeds=(5,))

    drawn_to_the_end(engine, brief)

    (asked,) = provider.asked_for("/v1/images/generations")
    body = asked.json
    assert engine.capabilities().seed == "exact"
    assert body.get("seed") == 5 if how == "field" else '{"seed": 5}' in body["prompt"]


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        ("moderated", Rejected, "moderated"),
        ("rate", EngineBusy, None),
        ("quota", Refused, "credit"),
        ("no-key", Refused, "credentials"),
        ("no-plan", Refused, "credit"),
        ("no-model", Refused, "setup"),
        ("500", EngineError, None),
        ("503", EngineDown, None),
        ("drop", EngineError, None),
    ],
)
def test_what_the_provider_says_is_heard_through_the_proxy(provider, build, fault, error, kind):
    engine = build()
    handle = engine.submit(a_brief(seeds=(5,)))
    provider.faults.add(fault)

    with pytest.raises(error) as caught:
        drawn_to_the_end(engine, a_brief(seeds=(5,)), handle)

    assert getattr(caught.value, "kind", None) == kind
    assert "/home" not in str(caught.value)


def test_a_model_that_the_proxy_does_not_know_is_the_operators_matter(build):
    health = build(model="nobody").health()
    assert health.state == "down"
    assert "nobody" in health.why
    with pytest.raises(Refused) as caught:
        drawn_to_the_end(build(model="nobody", listed=False), a_brief(seeds=(5,)))
    assert caught.value.kind == "setup"


def test_a_wrong_key_is_the_operators_matter(build):
    health = build(key=NOT_THE_KEY).health()
    assert health.state == "down"
    assert health.why.startswith("credentials")
    assert NOT_THE_KEY not in health.why
