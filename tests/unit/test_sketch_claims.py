"""Nothing that sketch claims is not to be seen: words, adjectives, whole prompts.

``sketch_same.txt`` is a judgement by eye: each line has words for one and the same thing, in English and
Chinese. A word that sketch claims to understand must be in it, and two words of different lines must not be
painted alike: a tiger is no lion. ``sketch_forty.txt`` has forty prompts that were written before any of these
drawings was, as people type them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engines.sketch.catalogue import ELEMENTS
from engines.sketch.easel import complete, paint_scene, set_up
from engines.sketch.lexicon import NAMES, lexicon
from engines.sketch.mention import Mention
from engines.sketch.order import Order
from engines.sketch.painter import notes, paint
from engines.sketch.palette import from_hex
from engines.sketch.planner import plan
from engines.sketch.reading import read
from engines.sketch.scene.letters import known_letters
from engines.sketch.vocabulary import COLOURS, COUNTS, QUALITIES, SIZES, words_of

HERE = Path(__file__).parent
SAME = [words_of(line) for line in (HERE / "sketch_same.txt").read_text().splitlines()]
FORTY = (HERE / "sketch_forty.txt").read_text().splitlines()

#: words that name something to paint, or a mood
NAMING = [
    word for word, meanings in lexicon().items() if any(kind in NAMES for kind, _ in meanings)
]


def claimed(word: str) -> bool:
    return word in read(word).understood


def painted_for(word: str) -> tuple:
    """Return all that the painter knows of this word: things with their forms, and moods."""
    reading = read(word)
    things = ((m.name, *sorted(m.qualities)) for m in reading.mentions)
    return (*sorted(things), *sorted(reading.moods))


def test_every_word_that_names_something_is_understood_or_near_and_never_both():
    for word in NAMING:
        reading = read(word)

        assert (word in reading.understood) != (word in reading.near), word
        assert word not in reading.ignored


def test_no_word_is_understood_that_nobody_has_judged_by_eye():
    judged = {word for words in SAME for word in words}

    assert {word for word in NAMING if claimed(word)} <= judged


def test_words_for_different_things_are_not_painted_alike():
    line_of = {word: i for i, words in enumerate(SAME) for word in words}
    alike = defaultdict(set)
    for word in filter(claimed, NAMING):
        alike[painted_for(word)].add(line_of[word])

    assert {what for what, lines in alike.items() if len(lines) > 1} == set()


def test_words_that_are_near_say_what_is_painted_instead():
    for word in NAMING:
        for instead in filter(None, read(word).near.get(word, "").split(", ")):
            assert instead in read(word).painted, word


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("tiger", "lion"), ("tiger", "leopard"), ("leopard", "panther"), ("panda", "bear"),
        ("polar bear", "bear"), ("cat", "dog"), ("cat", "kitten"), ("dog", "puppy"), ("taxi", "car"),
        ("bus", "truck"), ("pizza", "spaghetti"), ("tea", "coffee"), ("bedroom", "kitchen"),
        ("unicorn", "horse"), ("rose", "tulip"), ("knight", "samurai"), ("boy", "man"), ("girl", "woman"),
    ],
)  # fmt: skip
def test_what_people_tell_apart_is_claimed_and_looks_different(first, second):
    pictures = [
        paint(Order(f"a {word}", 96, 96, (7,)), 0).astype(float) for word in (first, second)
    ]

    assert claimed(first)
    assert claimed(second)
    assert np.abs(pictures[0] - pictures[1]).mean() > 0.3


# -- adjectives ----------------------------------------------------------------------------------


def scene_with(name: str, **changes) -> np.ndarray:
    """Return the element's picture before the brush, with its mention changed."""
    planned = plan(Order(words_of(ELEMENTS[name].words)[0], 48, 48), 1)
    mentions = planned.mentions
    if not planned.find(name):
        mentions = (*mentions, Mention(name))
    mentions = tuple(replace(m, **changes) if m.name == name else m for m in mentions)
    stage = set_up(replace(planned, mentions=mentions), 48, 48, tile=False)
    paint_scene(stage)
    stage.paint_lights()
    for late in stage.afterwards:
        late()
    return np.sqrt(np.clip(stage.canvas.rgb, 0, 4))


def apart(first, second) -> float:
    return float(np.abs(first - second).max())


@pytest.mark.parametrize("name", ELEMENTS)
def test_an_element_shows_every_adjective_that_it_takes(name):
    takes = ELEMENTS[name].takes
    if "colour" in takes:
        red, blue = from_hex("#c8322b"), from_hex("#2f6fd0")
        assert apart(scene_with(name, colour=red), scene_with(name, colour=blue)) > 0.01
    if "size" in takes:
        assert apart(scene_with(name, size=0.6), scene_with(name, size=1.6)) > 0.01
    if "count" in takes:
        assert apart(scene_with(name, count=1), scene_with(name, count=4)) > 0.01
    # a man is what a person is painted as, a tabby may have the stripes that a cat has by chance
    chance = {"person": {"man"}, "cat": {"striped"}}.get(name, set())
    flies = {"flying"} if ELEMENTS[name].place == "fly" else set()
    for quality in takes - {"colour", "size", "count"} - chance - flies:
        usual = scene_with(name)
        assert apart(usual, scene_with(name, qualities=frozenset({quality}))) > 0.01, quality


def test_an_adjective_that_its_noun_does_not_show_is_ignored():
    reading = read("three huge sleeping mountains and a striped bus")

    assert {"mountain", "huge", "bus"} <= set(reading.understood)
    assert {"three", "sleeping", "striped"} <= set(reading.ignored)


def test_an_adjective_without_a_noun_that_it_knows_is_ignored_unless_it_tints():
    reading = read("two enormous turquoise xylographs")

    assert reading.understood == ("turquoise",)
    assert {"two", "enormous"} <= set(reading.ignored)


def test_every_small_word_changes_nothing_by_itself_or_is_heard():
    for word in (w for text in (*SIZES, *COUNTS, *QUALITIES) for w in words_of(text)):
        reading = read(word)
        assert word not in reading.understood or reading.painted, word
    for word in (w for text in COLOURS for w in words_of(text)):
        assert read(word).understood == (word,)


def test_a_second_colour_of_the_same_thing_is_not_claimed():
    assert "blue" not in read("a red car and a blue car").understood
    assert "kitten" not in read("a cat and a kitten").understood


def test_a_general_word_adds_nothing_where_the_thing_is_named():
    reading = read("sushi, food photography")

    assert [mention.name for mention in reading.mentions] == ["sushi"]
    assert reading.near == {"food": "sushi"}
    assert [mention.name for mention in read("food on a table").mentions] == ["pasta", "table"]


def test_plural_things_are_several():
    assert read("dogs in a park").find("dog").count == 3
    assert read("a dog in a park").find("dog").count == 1


def test_hair_and_hats_are_claimed_in_portraits_only():
    worn = read("a girl with red hair and a hat")
    owl = read("an owl with a hat")

    assert {"hair", "hat"} <= set(worn.understood)
    assert "hat" in owl.ignored


@pytest.mark.parametrize(
    ("prompt", "letters", "near"),
    [
        ("minimalist logo with the letter K", "k", {}),
        ("monogram of the letters A and B", "ab", {}),
        ("a monogram JD, gold", "jd", {}),
        ("logo for a tea house called Luna", "l", {"luna": "l"}),
        ("a logo with a mountain", "", {}),
    ],
)
def test_a_logo_has_the_letters_that_the_words_spell(prompt, letters, near):
    reading = read(prompt)

    assert reading.letters == letters
    assert {word: said for word, said in reading.near.items() if word == "luna"} == near
    if letters and not near:
        assert set(letters) <= set("".join(reading.understood))


def test_every_letter_can_be_drawn_and_differs():
    assert known_letters() == set("abcdefghijklmnopqrstuvwxyz0123456789")
    pictures = {
        letter: paint(
            Order(f"logo with the letter {letter}", 64, 64, (3,), style="raw"), 0
        ).tobytes()
        for letter in "abcdefghijklmnopqrstuvwxyz"
    }
    assert len(set(pictures.values())) == 26


# -- prompts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "prompt", ["hope", "the sound of silence", "brouhaha", "12 angry opinions", "希望"]
)
def test_words_that_it_does_not_know_give_an_abstract_and_the_notes_say_so(prompt):
    planned = plan(Order(prompt, 64, 64), 1)

    assert [mention.name for mention in planned.mentions] == ["abstract"]
    assert notes(Order(prompt))["composed"].startswith("an abstract")
    assert notes(Order(prompt))["understood"] == []


def test_abstracts_of_different_words_are_composed_differently():
    words = (
        "hope",
        "entropy",
        "jealousy",
        "serendipity",
        "the meaning of it",
        "quorum",
        "zest",
        "axiom",
    )

    assert len({plan(Order(word), 1).manner % 6 for word in words}) >= 4


@pytest.mark.parametrize("prompt", FORTY, ids=lambda prompt: ascii(prompt[:20]))
def test_what_is_claimed_of_a_prompt_is_to_be_seen_in_its_picture(prompt):
    planned = plan(Order(prompt, 96, 96), 3)

    def picture(**changes) -> np.ndarray:
        stage = set_up(replace(planned, **changes), 96, 96, tile=False)
        paint_scene(stage)
        return np.sqrt(np.clip(complete(stage, Order(prompt, 96, 96)), 0, 4))

    whole = picture()
    reading = read(prompt)
    # a room has a window of its own
    shown = {m.name for m in planned.mentions} - ({"window"} if planned.has("room") else set())
    for name in reading.painted & shown:
        without = picture(mentions=tuple(m for m in planned.mentions if m.name != name))
        changed = np.abs(whole - without).max(axis=2) > 0.04
        # 1 % of the picture is a thing a tenth as wide as it; freckles are smaller
        assert changed.mean() > (0.001 if ELEMENTS[name].place == "part" else 0.01), name


@pytest.mark.parametrize(
    "words",
    [
        "oil painting",
        "watercolor",
        "papercraft",
        "pixel art",
        "ink drawing",
        "油画",
        "水彩",
        "剪纸",
        "像素画",
        "水墨",
    ],
)
def test_a_look_changes_every_part_of_the_picture_and_keeps_the_scene(words):
    usual, made = (
        paint(Order(text, 128, 128, (5,)), 0).astype(float)
        for text in ("a castle by a lake at sunset", f"a castle by a lake at sunset, {words}")
    )
    quarters = np.abs(usual - made).reshape(2, 64, 2, 64, 3).mean(axis=(1, 3, 4))

    assert words.split()[0] in " ".join(read(f"a castle, {words}").understood)
    assert quarters.min() > 2
    # light stays above, land below
    assert made[:40].mean() > made[-40:].mean()
