"""docs/api.md tells callers of every reason code, and of every refusal's."""

from __future__ import annotations

import re
from pathlib import Path

from limner.reasons import Reason
from limner.refusals import RefusalCode

PAGE = (Path(__file__).parents[2] / "docs/api.md").read_text(encoding="utf-8")


def test_the_page_has_a_row_for_every_reason_code_in_their_order_and_for_nothing_else():
    table = PAGE.partition("| `reasonCode` |")[2].partition("\n\n")[0]

    assert re.findall(r"^\| `(\w+)` \|", table, re.M) == list(Reason)


def test_the_page_says_what_to_do_about_every_refusal_in_their_order():
    table = PAGE.partition("| code | what to do |")[2].partition("\n\n")[0]

    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", table, re.M)
    assert rows == [(code, code.advice) for code in RefusalCode]
