"""Flask's URL rules, without what would build URLs of them; used by ``create_app``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule


class PlainRule(Rule):
    """A rule that compiles a program to build its URL when one is first built, not when it is made.

    Nothing here builds URLs of rules, and two programs for each of 166 rules took nine tenths of an app's making.
    The method is werkzeug's own affair: were it gone, making an app would be slow again, and nothing else.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compile_now = super()._compile_builder

        def build(rule: Rule, /, **values: Any) -> tuple[str, str]:
            return compile_now(append_unknown)(rule, **values)

        return build
