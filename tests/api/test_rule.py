"""Rules that compile late what builds their URLs."""

from __future__ import annotations

from flask import url_for
from werkzeug.routing import Rule

from api.rule import PlainRule


def test_no_program_is_compiled_for_urls_that_nobody_builds(app, monkeypatch):
    compiled = []
    before = Rule._compile_builder
    monkeypatch.setattr(
        Rule,
        "_compile_builder",
        lambda self, *how: compiled.append(self.rule) or before(self, *how),
    )

    app.add_url_rule("/late/<name>", "late", lambda name: name)

    assert app.test_client().get("/late/a").text == "a"
    assert compiled == []


def test_a_url_that_is_built_is_as_flask_builds_it(app):
    app.add_url_rule("/late/<int:number>/<path:rest>", "late", lambda: "")
    (rule,) = app.url_map.iter_rules("late")

    with app.test_request_context(base_url="https://draw.example/"):
        assert isinstance(rule, PlainRule)
        assert url_for("late", number=3, rest="a b/c") == "/late/3/a%20b/c"
        assert url_for("late", number=3, rest="a", more="x y") == "/late/3/a?more=x+y"
