"""Draws with any server that has OpenAI's ``/v1/images`` routes, hosted or your own.

``docs/engines/openai.md`` explains the set-up. ``build`` makes the engine from its ``[[engine]]``
entry, in which ``presets`` may spell out what a host does otherwise; the rest of the folder is ``engine``
(the contract), ``wanted`` (a brief as request bodies, with ``prompts``, ``sizes``, ``starting`` and
``describing`` for its parts), ``request`` (one request, streamed or not), ``answer`` (the picture in it, and
what it cost) and ``judge`` (what its errors mean).
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from engines.openai.engine import OpenAI
from engines.openai.judge import judge_question
from engines.openai.manner import PICTURES_AS, SIZE_AS, OpenAIManner, SizeAs
from engines.openai.presets import with_preset
from engines.remote.options import Options
from engines.remote.session import Remote
from limner.settings import EngineSettings

#: the sizes that every image model of OpenAI supports
SIZES = ("1024x1024", "1536x1024", "1024x1536")
#: the words that OpenAI's models have for their effort, and which models these are
QUALITIES = ("low", "medium", "high")
_OF_OPENAI = re.compile(r"(?:[\w.-]+/)*(?:chat)?gpt-image")
#: the most that gpt-image-2 draws
AREA_MOST_PX = 8_294_400
_SIZE = re.compile(r"([1-9]\d{1,4})x([1-9]\d{1,4})")
_RATIO = re.compile(r"([1-9]\d?):([1-9]\d?)")


def build(settings: EngineSettings) -> OpenAI:
    """Build the engine from its ``[[engine]]`` entry.

    Raises:
        ConfigError: an option is wrong.
    """
    options = Options(with_preset(settings))
    url = options.url("base_url")
    if not urlsplit(url).path:
        url += "/v1"
    headers = options.table("headers") | options.secret_headers()
    key = options.secret("api_key")
    if key:
        headers["Authorization"] = f"Bearer {key}"
    model = options.text("model")
    usual = QUALITIES if _OF_OPENAI.match(model) else ()
    size_as = options.one_of("size_as", SIZE_AS, "size")
    manner = OpenAIManner(
        model=model,
        edit_model=options.optional_text("edit_model"),
        path=_path(options, "path", "/images/generations"),
        models_path=_path(options, "models_path", "/models"),
        send_n=options.flag("send_n", True),
        size_as=size_as,
        edit_size=options.flag("edit_size", True),
        pictures_as=options.one_of("pictures_as", PICTURES_AS, "form"),
        negative_field=options.one_of("negative", ("words", "field"), "words") == "field",
        stream=options.flag("stream"),
        # An empty text takes back what the preset says.
        extra={name: one for name, one in options.values("extra").items() if one != ""},
        sizes=_sizes(options, size_as),
        scale=options.number("scale", 2.0, 1.0, 4.0),
        pixels=(
            options.whole("least_pixels", 0, 0, AREA_MOST_PX),
            options.whole("most_pixels", AREA_MOST_PX, 4096, 1 << 28),
        ),
        longest_px=options.whole("longest_px", 3840, 64, 1 << 14),
        ratio_most=options.number("ratio_most", 8.0, 1.0, 64.0),
        quality=options.optional_text("quality"),
        qualities=options.words("qualities", usual),
        moderation=options.optional_text("moderation"),
        output_format=options.optional_text("output_format"),
        response_format=options.optional_text("response_format"),
        partial_images=options.whole("partial_images", 0, 0, 3),
        input_fidelity=options.flag("input_fidelity"),
        edits=options.flag("edits", True),
        pictures_most=options.whole("pictures_most", 16, 1, 16),
        vision_model=options.optional_text("vision_model"),
        listed=options.flag("listed", True),
        suffix=options.optional_text("suffix") or "",
        dollar_price=options.number("dollar_price", 1.0, 0.0, 1e6),
        at_once=options.whole("at_once", 4, 1, 4),
        silent_s=options.number("silent_s", 300.0, 0.1, 3600.0),
    )
    engine = OpenAI(
        settings.name,
        Remote(url, headers=headers, connect_s=5.0),
        Remote(url, headers=headers, connect_s=1.5, read_s=1.4, judge=judge_question),
        manner,
        seeds=options.one_of("seeds", ("auto", "none", "field", "sd-server"), "auto"),
    )
    options.done()
    return engine


def _path(options: Options, name: str, default: str) -> str:
    path = options.text(name, default)
    if not path.startswith("/"):
        options.wrong(name, f"must begin with a slash: {default}")
    return path


def _sizes(options: Options, size_as: SizeAs) -> tuple[tuple[int, int], ...]:
    """Return the sizes to choose from, or the ratios; empty: the server supports any."""
    form, usual = _SIZE, '["1024x1024", "1536x1024"], or [] for any size'
    if size_as == "aspect_ratio":
        form, usual = _RATIO, '["1:1", "3:2"], or [] for any ratio'
    sizes = []
    for word in options.words("sizes", () if form is _RATIO else SIZES):
        found = form.fullmatch(word)
        if not found:
            options.wrong("sizes", f"must be like {usual}")
        sizes.append((int(found[1]), int(found[2])))
    return tuple(sizes)
