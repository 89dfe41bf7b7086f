"""How sketch reads a prompt: nouns, their adjectives, moods, other scripts, and nonsense."""

from __future__ import annotations

import pkgutil

import numpy as np
import pytest

from engines.sketch import scene
from engines.sketch.catalogue import ELEMENTS, KINDS
from engines.sketch.moods import MOODS
from engines.sketch.palette import from_hex
from engines.sketch.reading import read
from engines.sketch.vocabulary import words_of


def names(prompt: str) -> list[str]:
    return [mention.name for mention in read(prompt).mentions]


def test_it_knows_forty_elements_and_fourteen_moods_at_least():
    assert len(ELEMENTS) >= 160
    assert len(MOODS) >= 26


def test_the_catalogue_has_every_scene_and_no_name_twice():
    written = {module.name for module in pkgutil.iter_modules(scene.__path__)}

    # these have no elements of their own: they help those of others to be painted
    helpers = {"motifs", "abstracts", "attire", "furnishing", "letters", "serving"}
    assert {kind.__name__.rpartition(".")[2] for kind in KINDS} == written - helpers
    assert len(ELEMENTS) == sum(len(kind.ELEMENTS) for kind in KINDS)


@pytest.mark.parametrize(
    "known", [*ELEMENTS.values(), *MOODS.values()], ids=lambda known: known.words[:16]
)
def test_every_element_and_mood_has_words_in_english_and_in_chinese(known):
    words = words_of(known.words)

    assert any(word.isascii() for word in words)
    assert any("\u3400" <= word[0] <= "\u9fff" for word in words)


@pytest.mark.parametrize("name", ELEMENTS)
def test_every_word_of_an_element_finds_it(name):
    for word in words_of(ELEMENTS[name].words):
        assert name in names(word), word


@pytest.mark.parametrize("name", MOODS)
def test_every_word_of_a_mood_finds_it(name):
    for word in words_of(MOODS[name].words):
        assert name in read(word).moods, word


def test_an_adjective_belongs_to_the_noun_after_it():
    reading = read("a black cat under a red moon")

    cat, moon = reading.find("cat"), reading.find("moon")
    assert cat is not None
    assert moon is not None
    assert np.allclose(cat.colour, from_hex("#15151b"))
    assert np.allclose(moon.colour, from_hex("#c8322b"))
    assert reading.tints == ()


def test_an_adjective_belongs_to_the_noun_after_it_in_chinese_too():
    reading = read("黑色的猫，红月亮，两只天鹅")

    cat, moon, swan = (reading.find(name) for name in ("cat", "moon", "swan"))
    assert cat is not None
    assert moon is not None
    assert swan is not None
    assert np.allclose(cat.colour, from_hex("#15151b"))
    assert np.allclose(moon.colour, from_hex("#c8322b"))
    assert swan.count == 2


def test_a_colour_without_a_known_noun_tints_the_picture():
    assert len(read("a turquoise xylograph").tints) == 1


def test_counts_and_sizes_belong_to_their_noun():
    reading = read("three huge balloons and a tiny boat")

    balloon, boat = reading.find("balloon"), reading.find("sailboat")
    assert balloon is not None
    assert boat is not None
    assert (balloon.count, boat.count) == (3, 1)
    assert balloon.size > 1 > boat.size


def test_plurals_and_long_phrases_are_known():
    assert names("wolves") == ["wolf"]
    assert names("a hot air balloon") == ["balloon"]
    assert names("cherry blossom tree") == ["cherry"]


@pytest.mark.parametrize("prompt", ["a lake without boats", "没有船的湖"])
def test_what_is_negated_is_not_painted(prompt):
    assert "sailboat" not in names(prompt)
    assert "water" in names(prompt)


def test_the_negative_prompt_takes_things_out():
    assert read("a cat and a dog", "dogs").find("dog") is None


def test_it_says_what_it_understood_and_what_it_ignored():
    reading = read("a fox eating strudel in the snow")

    assert {"fox", "snow"} <= set(reading.understood)
    assert {"eating", "strudel"} <= set(reading.ignored)
    assert "in" not in reading.ignored


def test_markup_and_flags_are_no_words():
    reading = read("<script>alert('cat')</script> a dog --ar 3:2 https://example.com/wolf")

    assert reading.find("dog")
    assert reading.find("wolf") is None
    assert "script" not in reading.ignored


def test_digits_count_and_decades_are_moods():
    balloon = read("3 balloons").find("balloon")

    assert balloon is not None
    assert balloon.count == 3
    assert "synthwave" in read("an 80s car").moods
