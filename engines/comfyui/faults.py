"""ComfyUI's refusals and failures as our errors; pure functions, called by ``server`` and ``engine``.

Shapes seen on real servers (0.3.64): HTTP 400 to ``POST /prompt`` with ``{"error": {"type", …},
"node_errors": {node: {"errors": [{"type", "extra_info": {"input_name"}}], "class_type"}}}``; the same
``node_errors`` beside a 200 when only some outputs are bad; in ``/history``, ``status.messages`` ends
with ``execution_error`` or ``execution_interrupted``, and ``status_str`` is "error" for both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engines.comfyui.workflow import Graph
from limner.errors import EngineError, JobLost, OutOfMemory, Refused, Rejected

#: inputs that the default graph fills from the caller's request; all others are the operator's
_CALLERS_INPUTS = ("text", "width", "height", "seed", "noise_seed", "denoise")
_RANGE_ERRORS = ("value_smaller_than_min", "value_bigger_than_max", "invalid_input_type")
#: "Node ID '#9'"
_NODE_ID = re.compile(r"'#([^']{1,80})'")
_IDENTIFIER = re.compile(r"[A-Za-z_][\w. -]{0,79}")
_REFERENCE_NODES = ("LoadImage", "LoadImageMask", "LoadImageOutput")


def refusal(answer: Mapping[str, Any], graph: Graph, model: str | None = None) -> EngineError:
    """Return the error for a refused graph; ``answer`` is the body of a 400, or of a 200 with errors.

    ``model``: what the caller's version stands for, if one was asked for.
    """
    errors = answer.get("node_errors")
    for node_id, entry in errors.items() if isinstance(errors, dict) else ():
        # Named by our own graph: a peer's words do not go into messages.
        class_type = graph.get(node_id, {}).get("class_type", "a node")
        faults = entry.get("errors") if isinstance(entry, dict) else None
        for fault in faults if isinstance(faults, list) else ():
            if isinstance(fault, dict):
                return _node_fault(class_type, graph.get(node_id, {}), fault, model)
    missing = _missing_node(answer, graph)
    if missing:
        return Refused("setup", f"the server has no node {missing}: is it installed?")
    return Refused("setup", "ComfyUI refuses the graph: is a node of it not installed?")


def _missing_node(answer: Mapping[str, Any], graph: Graph) -> str:
    """Return the class of the node that the server lacks, if it says which."""
    error = answer.get("error")
    if not isinstance(error, dict):
        return ""
    info = error.get("extra_info")
    told = info.get("node_id") if isinstance(info, dict) else None
    named = _NODE_ID.search(str(error.get("details") or ""))
    node_id = str(told or (named[1] if named else ""))
    return str(graph.get(node_id, {}).get("class_type", ""))


def _node_fault(
    class_type: str, node: Mapping[str, Any], fault: Mapping[str, Any], model: str | None
) -> EngineError:
    info = fault.get("extra_info")
    named = info.get("input_name") if isinstance(info, dict) else None
    name = named if named in node.get("inputs", {}) else "an input"
    kind = fault.get("type")
    if kind == "custom_validation_failed" and class_type in _REFERENCE_NODES:
        return Rejected("reference", "The engine cannot use the reference image.")
    if kind in _RANGE_ERRORS and name in _CALLERS_INPUTS:
        return Rejected("parameter", f"The engine cannot draw with this {name}.")
    if kind == "value_not_in_list":
        value = node.get("inputs", {}).get(name)
        if model and value == model:
            # The engine's own model may be there: it goes on drawing with that.
            return Rejected("parameter", "The engine does not have the model of this version.")
        return Refused("setup", f"{class_type}: the server has no {name} {value!r}")
    return Refused("setup", f"{class_type}: {name} is refused")


def failure(entry: Mapping[str, Any]) -> EngineError | None:
    """Return why a prompt in ``/history`` failed, or None if it did not."""
    status = entry.get("status")
    if not isinstance(status, dict) or status.get("status_str") != "error":
        return None
    name, data = _last_words(entry)
    if name == "execution_interrupted":
        return JobLost("The drawing was interrupted on the server.")
    if name == "execution_error":
        return _execution_error(data)
    return EngineError("The engine failed while drawing.")


def _last_words(entry: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return the message that says why a prompt ended."""
    for message in reversed(entry["status"].get("messages") or ()):
        if isinstance(message, list) and len(message) == 2 and isinstance(message[1], dict):
            return str(message[0]), message[1]
    return "", {}


def _execution_error(data: Mapping[str, Any]) -> EngineError:
    if "OutOfMemory" in str(data.get("exception_type")):
        return OutOfMemory()
    if data.get("node_type") in _REFERENCE_NODES:
        return Rejected("reference", "The engine cannot read the reference image.")
    node_type, exception_type = _identifiers(data)
    return EngineError(f"{node_type} failed with {exception_type}")


def named(entry: Mapping[str, Any]) -> tuple[str, str]:
    """Return what may be logged about a failed prompt: the types of its node and its exception."""
    _, data = _last_words(entry)
    return _identifiers(data)


def _identifiers(data: Mapping[str, Any]) -> tuple[str, str]:
    """Return the types of node and exception: identifiers only, because the rest may contain anything."""
    told = (str(data.get(key) or "") for key in ("node_type", "exception_type"))
    node_type, exception_type = (word if _IDENTIFIER.fullmatch(word) else "?" for word in told)
    return node_type, exception_type
