"""docs/traces.md lists the spans that the code makes, below what they are made."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from limner.settings import Settings

HOME = Path(__file__).parents[2]
PAGE = (HOME / "docs/traces.md").read_text(encoding="utf-8")
MADE = re.compile(r"tracing\.(?:of_job|step)\(\s*\"(\w+)\"|_tracer\.(?:span|past)\(\"(\w+)\"")


def spans_in_code() -> set[str]:
    folders = ("api", "workers", "engines", "limner", "net", "stack")
    texts = [path.read_text("utf-8") for one in folders for path in (HOME / one).rglob("*.py")]
    return {"".join(found) for text in texts for found in MADE.findall(text)}


def test_the_page_lists_every_span_and_no_other():
    table = PAGE.partition("| span |")[2].partition("\n\n")[0]
    listed = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)

    assert sorted(listed) == sorted(spans_in_code())
    assert len(listed) == 10


def test_the_examples_are_yaml_and_name_services_that_there_are():
    override, collector = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
    compose = yaml.safe_load((HOME / "docker-compose.yml").read_text(encoding="utf-8"))

    assert override["services"].keys() - {"collector"} <= compose["services"].keys()
    assert collector["service"]["pipelines"]["traces"]["receivers"] == ["otlp"]
    port = collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"].rpartition(":")[2]
    for address in re.findall(r"http://collector:(\d+)", PAGE):
        assert address == port
    assert "otlp_url" in Settings.__dataclass_fields__
