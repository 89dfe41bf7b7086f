"""What the console says: both languages say the same things, each of them is said somewhere, and nothing else is."""

from __future__ import annotations

import re

from api.console.assets import STATIC
from api.console.form import parameters
from api.console.texts import FOLDER, LANGUAGES, table

ROOM = STATIC.parent
SOURCES = {
    path: path.read_text(encoding="utf-8")
    for path in sorted([*ROOM.rglob("*.html"), *ROOM.rglob("*.js"), *ROOM.rglob("*.py")])
}
ALL = "\n".join(SOURCES.values())
#: a text's key, also if only its beginning is written there: `t("param." ~ name)`, t(`status.${job.status}`)
LITERALS = set(re.findall(r"""["'`]([a-z_]+\.[\w.\- ]+?)["'`]""", ALL))
BEGINNINGS = set(re.findall(r"""["'`]([a-z_]+\.[\w.]*?)(?:\$\{|["']\s*~)""", ALL))
PLURAL = re.compile(r"\.(one|other)$")


def test_both_languages_have_the_same_texts_in_the_same_files():
    names = [sorted(path.name for path in (FOLDER / language).iterdir()) for language in LANGUAGES]
    assert names[0] == names[1]
    assert list(table("en")) == list(table("zh"))
    assert all(text.strip() for language in LANGUAGES for text in table(language).values())


def test_both_languages_leave_the_same_room_for_values():
    for key, text in table("en").items():
        values = [sorted(re.findall(r"\{(\w+)\}", one)) for one in (text, table("zh")[key])]
        assert values[0] == values[1], key


def test_the_tables_differ_but_for_what_has_one_name_everywhere():
    same = {key for key, text in table("en").items() if table("zh")[key] == text}
    assert {table("en")[key] for key in same} <= {
        *("U{cell}", "V{cell}", "VS{cell}", "R", "curl", "Python", "JavaScript", "Niji"),
        *("URL", "{value} px", "ID", "API"),
    }


def is_said(key: str) -> bool:
    return key in LITERALS or any(key.startswith(one) for one in BEGINNINGS)


def test_each_text_is_said_somewhere():
    assert [key for key in table("en") if not is_said(PLURAL.sub("", key))] == []


def test_nothing_is_said_that_no_table_has():
    said = set(re.findall(r"""\b(?:t|say)\(\s*["']([\w.\- ]+)["']\s*[,)]""", ALL))
    plurals = {PLURAL.sub("", key) for key in table("en")}
    assert said - plurals == set()
    assert len(said) > 60


def test_each_parameter_has_a_name_and_says_what_it_means_in_both_languages():
    for group in parameters():
        for field in group.fields:
            for language in LANGUAGES:
                assert table(language)[f"param.{field.name}"]
                assert table(language)[f"param.{field.name}.help"]


def test_a_language_is_one_document_for_the_pages(app):
    texts = app.test_client().get("/console/texts/x/zh.json")

    assert texts.json == dict(table("zh"))
    assert app.test_client().get("/console/texts/x/xx.json").status_code == 404
