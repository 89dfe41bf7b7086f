"""Which words count as English, and which words of a list are found; neither with a model."""

from __future__ import annotations

import pytest

from limner.forbidden import ForbiddenWords
from limner.language import is_english
from limner.prompt import prompt_of, reworded
from limner.request import Lane, Request
from limner.translation import Translation


@pytest.mark.parametrize(
    "words",
    [
        "",
        "fox",
        "1girl, solo, long hair, masterpiece, best quality",
        "a red fox in the snow, golden hour",
        "Leonardo da Vinci's workshop",
        "Van Gogh starry night",
        "Rio de Janeiro skyline at night",
        "a café in Paris at night",
        "a neon sign that reads 「営業中」 above a door",
        'a poster with the words "Vive la liberté et la paix"',
        "東京 street at night, neon, heavy rain",
        "🦊✨ 4k --ar 1:1",
    ],
)
def test_english_is_drawn_as_it_stands(words):
    assert is_english(words)


@pytest.mark.parametrize(
    "words",
    [
        "ein roter Fuchs im Schnee",
        "un chat noir",
        "portrait de femme",
        "retrato de una mujer en la playa",
        "por do sol na praia",
        "zamek na wzgórzu",
        "kırmızı bir tilki",
        "una volpe rossa nella neve",
        "кот на крыше",
        "一只红狐狸",
        "雪の中の赤い狐",
        "눈 속의 붉은 여우",
        "ثعلب أحمر في الثلج",
    ],
)
def test_other_languages_are_told_by_their_letters_and_small_words(words):
    assert not is_english(words)


def test_a_listed_word_counts_as_a_whole_in_every_spelling_of_its_letters():
    words = ForbiddenWords.of(["Straße", "gore", "blood bath", "血", "  ", "!!"])
    assert words.found("die STRASSE") == "Straße"
    assert words.found("Al Gore's gore-fest") == "gore"
    assert words.found("gorey goretex") is None
    assert words.found("a blood\nbath") == words.found("blood-bath") == "blood bath"
    assert words.found("bath of blood") is None
    assert words.found("g\u00adore") == "gore"
    assert words.found("a drop of 鲜血") == "血"
    assert not ForbiddenWords.of(["  ", "!!"])


@pytest.mark.parametrize(
    "text",
    [
        *(
            f"go{hidden}re"
            for hidden in "\u200b\u2060\u200d\x01\x7f\u034f\ufe0f\U000e0100\u20dd\u1dc0\u0489"
        ),
        *(f"go{filler}re" for filler in "\u115f\u1160\u3164\uffa0\u180b\u17b4"),
        "red\u200bgore\u200bred",
        "red\x01gore",
        "\U0001f176\U0001f17e\U0001f181\U0001f174",
        "\U0001f1ec\U0001f1f4\U0001f1f7\U0001f1ea",
        "\U0001d4f0\U0001d4f8\U0001d4fb\U0001d4ee",
        "鲜 血\u200b，淋 漓",
        "鲜\u200b血",
        "鲜\n血",
    ],
)
def test_what_cannot_be_seen_hides_no_word_whether_an_engine_skips_it_or_not(text):
    assert ForbiddenWords.of(["gore", "鲜血"]).found(text) in ("gore", "鲜血")


def test_what_belongs_to_a_word_of_its_language_stays_in_it():
    words = ForbiddenWords.of(["गर", "gore", "می", "裸体", "für"])
    assert words.found("गोर") is None
    assert words.found("می\u200cخواهم") is None
    assert words.found("gôre, 裸,体") is None
    assert words.found("fur coat") is None
    assert words.found("ein Rahmen fu\u0308r dich") == "für"


def test_other_words_keep_the_flags_of_a_prompt_and_bring_none():
    text = "ein Fuchs --ar 16:9 --no Schnee, Eis --q 2"
    assert reworded(text, "a fox", None) == "a fox --ar 16:9 --no Schnee, Eis --q 2"
    assert reworded(text, None, "snow, ice") == "ein Fuchs --ar 16:9 --no snow, ice --q 2"
    assert "--tile" not in reworded(text, "a fox --tile", None)

    request = Request("ein Fuchs --tile", Lane.FAST, "tag", negative="Schnee")
    said = prompt_of(Translation("a fox", "snow").of(request))
    assert (said.words, said.negative, said.tile) == ("a fox", "snow", True)
    assert Translation(failed="why").of(request) is request
    assert Translation.from_json(Translation("a", None, None).to_json()) == Translation("a")
