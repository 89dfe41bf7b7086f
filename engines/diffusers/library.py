"""What the installed library diffusers says of a kind of pipeline: read from its source, never imported.

Importing it brings torch, which takes seconds and gigabytes that only the drawing process spends. Its
pipelines are regular: a class each, whose ``__call__`` names what may be asked for, and tables of which
kinds start from pictures (``pipelines/auto_pipeline.py``). Source: diffusers 0.42.1. Called by ``families``.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

#: what a pipeline starts from
Kind = Literal["text", "picture", "mask"]
_TABLES = {
    "AUTO_TEXT2IMAGE_PIPELINES_MAPPING": "text",
    "AUTO_IMAGE2IMAGE_PIPELINES_MAPPING": "picture",
    "AUTO_INPAINT_PIPELINES_MAPPING": "mask",
    # Second halves of pipelines, which the library joins to their first halves.
    "_AUTO_TEXT2IMAGE_DECODER_PIPELINES_MAPPING": "half",
}
#: kinds that are in no table are named like this
_SUFFIXES = {"picture": "Img2ImgPipeline", "mask": "InpaintPipeline"}
#: how many bases to look through for a ``__call__``
_BASES = 4
_REQUIRED = object()


@dataclass(frozen=True, slots=True)
class PipelineCall:
    """A pipeline's ``__call__``: the names that it takes, with the defaults that are plain values."""

    defaults: Mapping[str, Any]

    def __contains__(self, name: str) -> bool:
        return name in self.defaults

    def default(self, name: str) -> Any:
        """Return the default of an argument; None if it has none, or no plain one."""
        value = self.defaults.get(name)
        return None if value is _REQUIRED else value

    @property
    def required(self) -> tuple[str, ...]:
        """Return the arguments without a default."""
        return tuple(name for name, value in self.defaults.items() if value is _REQUIRED)


@lru_cache(maxsize=256)
def call_of(name: str) -> PipelineCall | None:
    """Return what a kind of pipeline takes; None: the library has no such class."""
    for _ in range(_BASES):
        found = _class_of(name)
        if found is None:
            return None
        for part in found.body:
            if isinstance(part, ast.FunctionDef) and part.name == "__call__":
                return _call(part.args)
        bases = [base.id for base in found.bases if isinstance(base, ast.Name)]
        name = bases[0] if bases else ""
    return None


@lru_cache(maxsize=256)
def sibling_of(name: str, kind: Kind) -> str | None:
    """Return the kind over the same parts that draws from words, from a picture, or from a masked one."""
    tables = _tables()
    keys = [key for table in tables.values() for key, each in table.items() if each == name]
    for key in keys:
        if sibling := tables[kind].get(key):
            return sibling
    if kind == "text":
        return None
    stem = name.removesuffix("Pipeline")
    named = stem + _SUFFIXES[kind]
    return named if name.endswith("Pipeline") and _class_of(named) else None


def _call(arguments: ast.arguments) -> PipelineCall:
    names = [each.arg for each in arguments.args][1:]
    given: list[ast.expr | None] = [*arguments.defaults]
    missing = len(names) - len(given)
    pairs = [
        *zip(names, [None] * missing + given, strict=True),
        *zip([each.arg for each in arguments.kwonlyargs], arguments.kw_defaults, strict=True),
    ]
    return PipelineCall({name: _plain(value) for name, value in pairs})


def _plain(value: ast.expr | None) -> Any:
    if value is None:
        return _REQUIRED
    try:
        return ast.literal_eval(value)
    except ValueError:
        return None


def _class_of(name: str) -> ast.ClassDef | None:
    if not name.isidentifier():
        return None
    wanted = f"class {name}(".encode()
    for path in sorted(_folder().rglob("*.py")):
        source = path.read_bytes()
        if wanted in source:
            for part in ast.parse(source).body:
                if isinstance(part, ast.ClassDef) and part.name == name:
                    return part
    return None


@lru_cache(maxsize=1)
def _tables() -> dict[str, dict[str, str]]:
    """Return the library's tables: per kind, the name of a family and its class."""
    tables: dict[str, dict[str, str]] = {kind: {} for kind in _TABLES.values()}
    path = _folder() / "auto_pipeline.py"
    if not path.is_file():
        return tables
    for part in ast.walk(ast.parse(path.read_bytes())):
        if not isinstance(part, ast.Assign):
            continue
        target = part.targets[0]
        if isinstance(target, ast.Name) and target.id in _TABLES:
            pairs = [each for each in ast.walk(part.value) if isinstance(each, ast.Tuple)]
            rows = [(pair.elts[0], pair.elts[1]) for pair in pairs]
        elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            # Those that need one package more.
            rows = [(target.slice, part.value)]
            target = target.value
        else:
            continue
        kind = _TABLES.get(target.id)
        if kind:
            tables[kind] |= {
                str(key.value): each.id
                for key, each in rows
                if isinstance(key, ast.Constant) and isinstance(each, ast.Name)
            }
    return tables


def _folder() -> Path:
    spec = find_spec("diffusers")
    places = spec.submodule_search_locations if spec else None
    return Path(places[0]) / "pipelines" if places else Path("/nowhere")
