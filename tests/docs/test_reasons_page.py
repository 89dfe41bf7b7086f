"""docs/api.md tells callers of every reason code."""

from __future__ import annotations

import re
from pathlib import Path

from limner.reasons import Reason

PAGE = (Path(__file__).parents[2] / "docs/api.md").read_text(encoding="utf-8")


def test_the_page_has_a_row_for_every_reason_code_in_their_order_and_for_nothing_else():
    table = PAGE.partition("| `reasonCode` |")[2].partition("\n\n")[0]

    assert re.findall(r"^\| `(\w+)` \|", table, re.M) == list(Reason)
