"""The manifests are what Kubernetes takes, and run Limner as it has to be run."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import tomllib
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli import parser
from deploy.kubernetes import rules
from limner.settings import Settings
from stack.lineup import GRACE_S, HANDS
from stack.processes import API_GRACE_S, QUEUES
from tests.deploy import kustomize, manifests, queries

HOME = Path(__file__).parents[2]
NAMES = [overlay.name for overlay in manifests.OVERLAYS]
VERSION = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]["version"]
Resource = dict[str, Any]


@cache
def built(name: str) -> tuple[Resource, ...]:
    return tuple(kustomize.build(HOME / "deploy/kubernetes/overlays" / name))


def of_kind(name: str, *kinds: str) -> dict[str, Resource]:
    """The resources of an overlay that are of these kinds, by their names."""
    return {one["metadata"]["name"]: one for one in built(name) if one["kind"] in kinds}


def one(kind: str) -> Resource:
    """One resource of a kind, to be changed."""
    return copy.deepcopy(next(iter(of_kind("autoscaled", kind).values())))


# -- what Kubernetes takes ------------------------------------------------------------------------


def test_every_resource_of_every_overlay_is_taken():
    assert NAMES == ["autoscaled", "production", "small"]
    assert manifests.check() == []


def test_the_examples_of_the_page_are_taken():
    examples = queries.shown()
    assert [example["kind"] for example in examples] == ["ScaledObject"]
    for example in examples:
        assert list(manifests.faults(example, manifests.VERSIONS[0])) == []


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("Deployment", lambda spec: spec.update(replica=1)),
        ("Deployment", lambda spec: spec.update(replicas="2")),
        ("Service", lambda spec: spec["ports"][0].update(port="http")),
        ("ScaledObject", lambda spec: spec.update(minReplicas=1)),
        ("ScaledObject", lambda spec: spec["triggers"][0].update(type="redis")),
        ("ScaledObject", lambda spec: spec["triggers"][0]["metadata"].update(threshold=5)),
        ("ServiceMonitor", lambda spec: spec["endpoints"][0].update(interval=15)),
        ("PrometheusRule", lambda spec: spec["groups"][0]["rules"][0].pop("expr")),
    ],
)
def test_what_is_misspelt_is_not_taken(kind, spoil):
    resource = one(kind)
    assert list(manifests.faults(resource, manifests.VERSIONS[0])) == []
    spoil(resource["spec"])

    assert list(manifests.faults(resource, manifests.VERSIONS[0]))


@cache
def kustomize_of_kubectl() -> str:
    """The version of kustomize in this machine's kubectl; "" if it has none, or an old one."""
    if not shutil.which("kubectl"):
        return ""
    done = subprocess.run(
        ["kubectl", "version", "--client", "--output=json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return json.loads(done.stdout or "{}").get("kustomizeVersion", "")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.skipif(
    not kustomize_of_kubectl().startswith("v5."), reason="there is no kubectl with kustomize 5"
)
def test_kubectl_makes_the_same_of_the_overlays(name):
    folder = HOME / "deploy/kubernetes/overlays" / name
    done = subprocess.run(
        ["kubectl", "kustomize", folder], capture_output=True, text=True, check=True, timeout=60
    )
    theirs = list(yaml.safe_load_all(done.stdout))

    def key(resource: Resource) -> tuple[str, str]:
        return resource["kind"], resource["metadata"]["name"]

    assert sorted(built(name), key=key) == sorted(theirs, key=key)


@pytest.mark.parametrize(
    "spec",
    [
        "namePrefix: a-",
        "patches: [{target: {kind: Job}, patch: '[]'}]",
        "patches: [{target: {labelSelector: a=b}, patch: '[]'}]",
        "configMapGenerator: [{name: a, envs: [a.env]}]",
    ],
)
def test_what_is_not_known_of_kustomize_is_refused_and_not_passed_over(tmp_path, spec):
    (tmp_path / "kustomization.yaml").write_text(spec)
    with pytest.raises(ValueError, match=r"known here|there is no"):
        kustomize.build(tmp_path)


def test_the_operators_alerts_are_those_of_the_file():
    assert rules.FILE.read_text(encoding="utf-8") == rules.text(), "make deploy-files"
    made = of_kind("autoscaled", "PrometheusRule")["limner"]
    assert made["spec"]["groups"] == queries.groups(rules.RULES)


# -- how Limner is run ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_no_pod_can_write_its_root_or_gain_rights(name):
    for resource in of_kind(name, "Deployment", "StatefulSet").values():
        pod = resource["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]
            assert container["image"] in (f"limner:{VERSION}", "redis:7.4.6-alpine")


@pytest.mark.parametrize("name", NAMES)
def test_every_process_runs_by_a_command_that_there_is(name):
    pods = of_kind(name, "Deployment")
    expected = {"api", "beat", "flower", *(f"worker-{queue}" for queue in QUEUES)}
    assert set(pods) == {f"limner-{process}" for process in expected}
    for resource in pods.values():
        (container,) = kustomize.containers(resource)
        parser.parse(container["args"])
        for probe in ("startupProbe", "livenessProbe"):
            if command := container.get(probe, {}).get("exec", {}).get("command"):
                assert command[0] == "limner"
                parser.parse(command[1:])
                # A worker that were ended because Redis is down would end its drawings, too.
                how = {"startupProbe": "--check", "livenessProbe": "--alive"}[probe]
                assert command[1:] == [*container["args"], how]
        paths = {mount["mountPath"] for mount in container["volumeMounts"]}
        assert paths == {"/data", "/tmp", "/etc/limner"}


@pytest.mark.parametrize("name", NAMES)
def test_settings_and_engines_are_those_that_there_are(name, tmp_path):
    maps = of_kind(name, "ConfigMap")
    (own,) = [one["data"] for key, one in maps.items() if key.startswith("limner-settings-")]
    (engines,) = [one["data"] for key, one in maps.items() if key.startswith("limner-engines-")]
    config = tmp_path / "limner.toml"
    config.write_text(engines["limner.toml"])

    settings = Settings.load(own | {"LIMNER_CONFIG": str(config)})

    assert [engine.name for engine in settings.engines] == ["sketch"]
    assert own["LIMNER_PUBLIC_URL"]
    assert set(own) <= {f"LIMNER_{f.name.upper()}" for f in fields(Settings)}


@pytest.mark.parametrize("name", NAMES)
def test_every_pod_is_given_the_time_that_its_end_takes(name):
    drain_s = 10  # the setting, in base/
    for key, resource in of_kind(name, "Deployment").items():
        given_s = resource["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        assert given_s > (API_GRACE_S + drain_s if key == "limner-api" else GRACE_S[HANDS])


def test_what_is_scaled_is_there_and_its_number_is_left_to_keda():
    pods = of_kind("autoscaled", "Deployment")
    scaled = of_kind("autoscaled", "ScaledObject")

    assert set(scaled) == {f"limner-worker-{queue}" for queue in QUEUES}
    for resource in scaled.values():
        spec = resource["spec"]
        assert "replicas" not in pods[spec["scaleTargetRef"]["name"]]["spec"]
        assert spec["minReplicaCount"] >= 1
        assert [trigger["type"] for trigger in spec["triggers"]] == ["prometheus"]


def test_the_job_that_prometheus_scrapes_is_called_as_the_alerts_expect():
    monitor = of_kind("autoscaled", "ServiceMonitor")["limner"]["spec"]
    service = of_kind("autoscaled", "Service")["limner-api"]
    labels = service["metadata"]["labels"]

    assert labels[monitor["jobLabel"]] == "limner"
    assert monitor["selector"]["matchLabels"].items() <= labels.items()
    (endpoint,) = monitor["endpoints"]
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
