"""Validate what kustomize makes: by Kubernetes' own schemas, and those of the operators whose resources it has.

The latter are in ``schemas/``, written from the documentation of KEDA and of the Prometheus operator, as far as
deploy/kubernetes uses them; a field that they do not name is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate

from tests.deploy import kustomize

HOME = Path(__file__).parents[2]
OVERLAYS = sorted((HOME / "deploy/kubernetes/overlays").iterdir())
#: the oldest release that matchLabelKeys works in without a gate, and the newest that is known here
VERSIONS = ("1.27", "1.33")
_SCHEMAS = Path(__file__).with_name("schemas")
#: of API groups that are not Kubernetes' own
_FOREIGN = ("keda.sh/", "monitoring.coreos.com/")


def faults(resource: Mapping[str, Any], version: str) -> Iterator[str]:
    """Yield what is wrong with one resource, in a sentence each."""
    name = f"{resource['kind']} {resource['metadata']['name']}"
    if resource["apiVersion"].startswith(_FOREIGN):
        schema = json.loads((_SCHEMAS / f"{resource['kind']}.json").read_text(encoding="utf-8"))
        for error in jsonschema.Draft202012Validator(schema).iter_errors(resource):
            yield f"{name}: {error.json_path}: {error.message}"
        return
    try:
        kubernetes_validate.validate(dict(resource), version, strict=True)
    except kubernetes_validate.ValidationError as error:
        where = "/".join(map(str, error.path))
        yield f"{name}: {where}: {error.message}"


def check() -> list[str]:
    """Return what is wrong with any resource of any overlay."""
    return [
        f"{overlay.name} ({version}): {fault}"
        for overlay in OVERLAYS
        for resource in kustomize.build(overlay)
        for version in VERSIONS
        for fault in faults(resource, version)
    ]
