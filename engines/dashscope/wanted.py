"""A brief as DashScope's requests; pure but for picture files.

Source: Model Studio's references of image models, and the official client, for which route takes which model and
where each of them has its pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engines.hosted.host import HostedCall, HostedPlan
from engines.remote.listed import listed
from engines.remote.sizing import Size, SizeLimits, drawn_size, nearest
from engines.remote.wording import SharedWords, worded
from limner.engine import Brief, Capabilities, Level
from limner.errors import Rejected

#: all are tasks, but for the last one
Route = Literal["text2image", "image2image", "image-generation", "multimodal-generation"]
ROUTES: tuple[Route, ...] = (
    "text2image",
    "image2image",
    "image-generation",
    "multimodal-generation",
)
_PATHS: Mapping[Route, str] = {
    "text2image": "/services/aigc/text2image/image-synthesis",
    "image2image": "/services/aigc/image2image/image-synthesis",
    "image-generation": "/services/aigc/image-generation/generation",
    "multimodal-generation": "/services/aigc/multimodal-generation/generation",
}
_OF_TASKS = {"X-DashScope-Async": "enable"}
PICTURES = 4
#: seeds are signed there
SEED_MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class DashScopeManner:
    """The operator's options for this account."""

    model: str
    route: Route
    #: empty: any, within the limits
    sizes: tuple[Size, ...] = ()
    limits: SizeLimits = field(default_factory=SizeLimits)
    pictures_a_request: int = 1
    #: how many pictures a request may start from; 0: the model draws from words only
    pictures_most: int = 0
    #: sent as they are
    parameters: Mapping[str, Any] = field(default_factory=dict)
    suffix: str = ""
    #: while it is waited for, a request is given up after this long without a byte
    answer_s: float = 300.0

    @property
    def is_task(self) -> bool:
        """Whether requests are answered with an id, and polled."""
        return self.route != "multimodal-generation"


def capabilities_of(manner: DashScopeManner) -> Capabilities:
    """Return what a model can do, by the options."""
    fits: Level = "near" if manner.sizes else "exact"
    some: Level = "near" if manner.pictures_most else "none"
    several: Level = "near" if manner.pictures_most > 1 else "none"
    return Capabilities(
        ar=fits,
        chaos="near",
        stylize="near",
        style="near",
        niji="near",
        tile="none",
        references=some,
        iw="none",
        negative="exact",
        # The host says that the same seed gives a similar picture.
        seed="near",
        size=fits,
        count="exact",
        weird="near",
        style_references=some,
        object_references=some,
        vary=some,
        # A mask is a picture more.
        edit=several,
        blend=several,
        attach=manner.is_task,
        # A request's pictures are shown while others are drawn.
        previews=manner.pictures_a_request < PICTURES,
        charged=True,
    )


def plan_of(brief: Brief, manner: DashScopeManner) -> HostedPlan:
    """Return the requests that draw a brief.

    Raises:
        Rejected: the model cannot do that, or a picture cannot be read.
    """
    starts = (
        brief.operation != "draw" or brief.references or (brief.parent and brief.parent.picture)
    )
    if brief.operation not in ("draw", "edit", "blend") or (starts and not manner.pictures_most):
        raise Rejected("parameter", "The engine's model cannot do that.")
    asked = brief.width, brief.height
    size = nearest(asked, manner.sizes) if manner.sizes else drawn_size(asked, manner.limits)
    given = listed(brief, manner.pictures_most, size)
    seeds = tuple(seed & SEED_MOST for seed in brief.seeds)
    most = manner.pictures_a_request
    wording = SharedWords(manner.suffix, given.words, negative_apart=True, spread=most == 1)
    calls = []
    for first in range(0, len(seeds), most):
        count = min(most, len(seeds) - first)
        parameters = {
            **manner.parameters,
            "size": f"{size[0]}*{size[1]}",
            "n": count,
            "seed": seeds[first],
        }
        inputs, apart = _inputs(brief, worded(brief, first, wording), given.urls, manner.route)
        body = {
            "model": brief.model or manner.model,
            "input": inputs,
            "parameters": parameters | apart,
        }
        headers = _OF_TASKS if manner.is_task else {}
        calls.append(HostedCall(_PATHS[manner.route], body, count, headers))
    alone = most == 1 or len(seeds) == 1
    return HostedPlan(calls, seeds if alone else (), given.applied)


def has_pictures(call: HostedCall) -> bool:
    """Return whether a request starts from pictures."""
    inputs = call.body["input"]
    return "images" in inputs or any(
        "image" in part for message in inputs.get("messages", ()) for part in message["content"]
    )


def _inputs(
    brief: Brief, prompt: str, urls: tuple[str, ...], route: Route
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a request's input, and what goes to its parameters, by the route."""
    negative = {"negative_prompt": brief.negative} if brief.negative else {}
    if route in ("text2image", "image2image"):
        pictures = {"images": list(urls)} if urls else {}
        return {"prompt": prompt, **negative, **pictures}, {}
    content = [*({"image": url} for url in urls), {"text": prompt}]
    return {"messages": [{"role": "user", "content": content}]}, negative
