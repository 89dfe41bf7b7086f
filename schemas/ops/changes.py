"""The bodies by which operators change engines and clients; used by ``api/ops/steering.py``.

What a body does not name stays as it is; null returns to the settings, or removes a limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields

from limner.client import BOTH_LANES, SHARES
from limner.errors import InvalidRequest
from limner.money import AMOUNT_MOST, micros
from limner.request import Lane
from limner.settings.engines import GAP_MOST_S, SLOTS_MOST, WEIGHTS
from schemas.fields import Integer, Number, Strict
from schemas.names import camel
from schemas.wire import Wire

CAP_MOST = 1_000_000_000
#: fields of a client that are amounts
MONEY = ("cost_per_day", "cost_per_month")


class LaneNames(Strict[frozenset[Lane]]):
    """A list of at least one lane."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> frozenset[Lane]:
        words = value if isinstance(value, list) else []
        if not 1 <= len(words) <= len(Lane) or any(word not in [*Lane] for word in words):
            raise ValidationError(f"Must be a list of {' and '.join(Lane)}, or of one of them.")
        return frozenset(Lane(word) for word in words)


class ChangeSchema(Wire):
    """Some fields of something, each of which may be null."""

    rules: ClassVar = {"minProperties": 1}

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Name the field on the wire."""
        field_obj.data_key = camel(field_name)

    def read(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is to be changed: the fields that the body names.

        Raises:
            InvalidRequest: a field is wrong or unknown, or there is none.
        """
        found = self.fields_of(body)
        named = {name for name, field in self.load_fields.items() if field.data_key in body}
        if not named:
            raise InvalidRequest({}, "Name at least one field to change.")
        return {name: value for name, value in found.items() if name in named}


class EngineChangeSchema(ChangeSchema):
    """An engine's limits, over those in its settings."""

    meanings: ClassVar = {
        "fastSlots": "Slots of the fast lane; null: as in the settings.",
        "fastGapS": "Least seconds between two starts of the fast lane; null: as in the settings.",
        "relaxedSlots": "Slots of the relaxed lane; null: as in the settings.",
        "relaxedGapS": "Least seconds between two starts of the relaxed lane; null: as in the settings.",
        "weight": "Its part of the work beside other engines; null: as in the settings.",
    }

    fast_slots = Integer(0, SLOTS_MOST)
    fast_gap_s = Number(0, GAP_MOST_S)
    relaxed_slots = Integer(0, SLOTS_MOST)
    relaxed_gap_s = Number(0, GAP_MOST_S)
    weight = Number(*WEIGHTS)


class ClientChangeSchema(ChangeSchema):
    """A client's lanes, share, caps and budgets."""

    #: what null stands for, where it removes no limit
    usual: ClassVar = {"lanes": BOTH_LANES, "share": 1.0}

    meanings: ClassVar = {
        "lanes": "The lanes that it may use; null: both.",
        "share": "Its part of a lane beside other clients; null: 1.",
        "inFlight": "Most drawings under way in a lane; null: any number.",
        "waitingCap": "Most waiting jobs; null: the gateway's own cap.",
        "inlineQuotaMb": "Quota of its inline pictures; null: the gateway's own.",
        "ratePerS": "Most requests a second; null: any number.",
        "perDay": "Most drawings a day; null: any number.",
        "perMonth": "Most drawings a month; null: any number.",
        "costPerDay": "Most that its drawings may cost a day; null: anything.",
        "costPerMonth": "Most that its drawings may cost a month; null: anything.",
    }

    lanes = LaneNames()
    share = Number(*SHARES)
    in_flight = Integer(1, CAP_MOST)
    waiting_cap = Integer(1, CAP_MOST)
    inline_quota_mb = Integer(0, CAP_MOST)
    rate_per_s = Number(0.001, CAP_MOST)
    per_day = Integer(1, CAP_MOST)
    per_month = Integer(1, CAP_MOST)
    cost_per_day = Number(0, AMOUNT_MOST)
    cost_per_month = Number(0, AMOUNT_MOST)

    def read(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is to be changed, as ``ChangeSchema`` does; money in millionths."""
        found = {
            name: self.usual.get(name) if value is None else value
            for name, value in super().read(body).items()
        }
        money = {name: micros(found[name]) for name in MONEY if found.get(name) is not None}
        return found | money
