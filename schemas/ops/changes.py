"""The bodies by which operators change engines and clients; used by ``api/ops/steering.py``.

What a body does not name stays as it is; null returns to the settings, or removes a limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import fields

from limner.errors import InvalidRequest
from limner.settings.engines import GAP_MOST_S, SLOTS_MOST, WEIGHTS
from schemas.fields import Integer, Number
from schemas.names import camel
from schemas.wire import Wire

#: of shares and caps
SHARES = (0.001, 1_000_000)
CAP_MOST = 1_000_000_000


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
    """A client's share, caps and budgets."""

    meanings: ClassVar = {
        "share": "Its part of a lane beside other clients; null: 1.",
        "inFlight": "Most drawings under way in a lane; null: any number.",
        "waitingCap": "Most waiting jobs; null: the gateway's own cap.",
        "inlineQuotaMb": "Quota of its inline pictures; null: the gateway's own.",
        "ratePerS": "Most requests a second; null: any number.",
        "perDay": "Most drawings a day; null: any number.",
        "perMonth": "Most drawings a month; null: any number.",
    }

    share = Number(*SHARES)
    in_flight = Integer(1, CAP_MOST)
    waiting_cap = Integer(1, CAP_MOST)
    inline_quota_mb = Integer(0, CAP_MOST)
    rate_per_s = Number(0.001, CAP_MOST)
    per_day = Integer(1, CAP_MOST)
    per_month = Integer(1, CAP_MOST)
