"""Build a kustomization as ``kubectl kustomize`` does, for the part of the language that deploy/kubernetes uses.

kustomize is a Go program, which neither PyPI nor Debian has. Anything beyond this part is refused, and where there is a
``kubectl`` a test compares the two, so what is checked here is what a cluster gets.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonpatch
import yaml

Resource = dict[str, Any]
_KNOWN = {
    *("apiVersion", "kind", "namespace", "resources", "components", "configMapGenerator", "images"),
    *("labels", "replicas", "patches"),
}
_OF_A_CLUSTER = {"Namespace"}
_SCALED = "Deployment|StatefulSet"
#: what names an item of a list that a patch merges; other lists are replaced
_ITEMS = {"containers": "name", "env": "name", "volumes": "name", "volumeMounts": "mountPath"}
#: kustomize's digits for a hash, which shall spell no words
_DIGITS = str.maketrans("013ae", "ghkmt")


def build(folder: Path) -> list[Resource]:
    """Return the resources of a folder's kustomization.

    Raises:
        ValueError: it uses what is not known here, or names what is not there.
    """
    made = _accumulated(folder, [])
    for resource in [one for one in made if one["kind"] == "ConfigMap"]:
        if resource.pop("hashed", False):
            _rename(made, resource)
    return made


def _accumulated(folder: Path, made: list[Resource]) -> list[Resource]:
    """Return ``made`` (of a component: what it is applied to) with all that a folder says."""
    spec = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    if unknown := set(spec) - _KNOWN:
        raise ValueError(f"{folder}: {sorted(unknown)} is more than is known here")
    for name in spec.get("resources", ()):
        path = folder / name
        made += _accumulated(path, []) if path.is_dir() else _read(path)
    for generator in spec.get("configMapGenerator", ()):
        _generate(folder, generator, made)
    for name in spec.get("components", ()):
        made = _accumulated(folder / name, made)
    for patch in spec.get("patches", ()):
        _patch(patch, made)
    for resource in made:
        if "namespace" in spec and resource["kind"] not in _OF_A_CLUSTER:
            resource["metadata"]["namespace"] = spec["namespace"]
        for labels in spec.get("labels", ()):
            _label(labels, resource)
    for replicas in spec.get("replicas", ()):
        for resource in _chosen(made, {"kind": _SCALED, "name": replicas["name"]}):
            resource["spec"]["replicas"] = replicas["count"]
    for image in spec.get("images", ()):
        _set_image(image, made)
    return made


def _read(path: Path) -> list[Resource]:
    # Copied: what YAML's anchors share must not be patched together.
    documents = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    return [json.loads(json.dumps(document)) for document in documents]


def _generate(folder: Path, generator: dict[str, Any], made: list[Resource]) -> None:
    if unknown := set(generator) - {"name", "behavior", "literals", "files"}:
        raise ValueError(f"{folder}: a generator's {sorted(unknown)} is not known here")
    data = dict(literal.split("=", 1) for literal in generator.get("literals", ()))
    for name in generator.get("files", ()):
        data[name] = (folder / name).read_text(encoding="utf-8")
    if generator.get("behavior") == "merge":
        (known,) = _chosen(made, {"kind": "ConfigMap", "name": generator["name"]})
        known["data"] |= data
        return
    metadata = {"name": generator["name"]}
    made.append(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata,
            "data": data,
            "hashed": True,
        }
    )


def _chosen(made: list[Resource], target: dict[str, str]) -> list[Resource]:
    """Return the resources that a target names, of which there must be one."""
    if unknown := set(target) - {"kind", "name"}:
        raise ValueError(f"a target's {sorted(unknown)} is not known here")
    kind, name = target.get("kind", ".*"), target.get("name", ".*")
    found = [
        resource
        for resource in made
        if re.fullmatch(kind, resource["kind"]) and re.fullmatch(name, resource["metadata"]["name"])
    ]
    if not found:
        raise ValueError(f"there is no {target}")
    return found


def _patch(patch: dict[str, Any], made: list[Resource]) -> None:
    change = yaml.safe_load(patch["patch"])
    if isinstance(change, list):
        for resource in _chosen(made, patch["target"]):
            resource |= jsonpatch.apply_patch(resource, change)
        return
    target = patch.get("target", {"kind": change["kind"], "name": change["metadata"]["name"]})
    for resource in _chosen(made, target):
        resource |= _merged(resource, change, "")


def _merged(old: Any, new: Any, field: str) -> Any:
    """Return a strategic merge; ``field``: where both stand."""
    if isinstance(old, dict) and isinstance(new, dict):
        if any(name.startswith("$") for name in new):
            raise ValueError("a patch's directives are not known here")
        merged = dict(old)
        for name, value in new.items():
            if value is None:
                merged.pop(name, None)
            else:
                merged[name] = _merged(merged.get(name), value, name)
        return merged
    key = _ITEMS.get(field)
    if key and isinstance(old, list):
        items = {item[key]: item for item in old}
        added = {item[key]: _merged(items.get(item[key]), item, "") for item in new}
        return list((items | added).values())
    return copy.deepcopy(new)


def _label(labels: dict[str, Any], resource: Resource) -> None:
    if unknown := set(labels) - {"pairs", "includeTemplates"}:
        raise ValueError(f"a label's {sorted(unknown)} is not known here")
    resource["metadata"].setdefault("labels", {}).update(labels["pairs"])
    template = resource.get("spec", {}).get("template")
    if template and labels.get("includeTemplates"):
        template["metadata"].setdefault("labels", {}).update(labels["pairs"])


def _set_image(image: dict[str, str], made: list[Resource]) -> None:
    for container in (one for resource in made for one in containers(resource)):
        name, _, tag = container["image"].partition(":")
        if name == image["name"]:
            tag = image.get("newTag", tag)
            container["image"] = image.get("newName", name) + (f":{tag}" if tag else "")


def containers(resource: Resource) -> list[dict[str, Any]]:
    """Return the containers of a resource's pods; none if it has no pods."""
    template = resource.get("spec", {}).get("template", {})
    found: list[dict[str, Any]] = template.get("spec", {}).get("containers", [])
    return found


def _rename(made: list[Resource], generated: Resource) -> None:
    """Add the hash of its data to a map's name, wherever it is named."""
    name = generated["metadata"]["name"]
    generated["metadata"]["name"] = f"{name}-{_hash(generated)}"
    for reference in _references(made):
        if reference["name"] == name:
            reference["name"] = generated["metadata"]["name"]


def _hash(generated: Resource) -> str:
    # kustomize leaves the name empty here.
    content = {"data": generated["data"], "kind": "ConfigMap", "name": ""}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for plain, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(plain, escaped)  # as Go writes JSON
    return hashlib.sha256(text.encode()).hexdigest()[:10].translate(_DIGITS)


def _references(made: list[Resource]) -> Iterator[dict[str, str]]:
    for resource in made:
        yield from _named(resource, ("configMapRef", "configMap", "configMapKeyRef").__contains__)


def _named(value: Any, is_reference: Callable[[str], bool]) -> Iterator[dict[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if is_reference(name):
                yield inner
            yield from _named(inner, is_reference)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner, is_reference)
