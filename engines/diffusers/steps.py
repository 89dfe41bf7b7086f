"""See how far a pipeline of any kind is: its progress bar is replaced, its parts are listened to.

Not all kinds call back after a step, but all show a bar, and none can draw without calling its parts. Used by
``drawing``, in the drawing process only: it imports torch. Source: diffusers 0.42.1, run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

import diffusers
import torch

#: told the steps done and the steps to do
Stepped = Callable[[int, int], None]


class StepCounter:
    """Stands in for a progress bar, and passes its steps on."""

    def __init__(self, steps: Iterable[Any] | None, total: int | None, stepped: Stepped) -> None:
        self._steps: list[Any] = list(steps) if steps is not None else []
        self._total = total or len(self._steps)
        self._stepped = stepped
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        return

    def __iter__(self) -> Iterator[Any]:
        for step in self._steps:
            yield step
            self.update()

    def update(self, steps: int = 1) -> None:
        """Count steps."""
        self._done += steps
        self._stepped(self._done, max(self._total, self._done))

    def __getattr__(self, name: str) -> Callable[..., None]:
        # The rest of a bar is only looks.
        return lambda *_arguments, **_named: None


@contextlib.contextmanager
def counted_steps(stepped: Stepped) -> Iterator[None]:
    """Report each step of every pipeline; of one made of others, each of theirs."""

    def bar(_pipeline: Any, iterable: Any = None, total: int | None = None) -> StepCounter:
        return StepCounter(iterable, total, stepped)

    kept = diffusers.DiffusionPipeline.progress_bar
    diffusers.DiffusionPipeline.progress_bar = bar
    try:
        yield
    finally:
        diffusers.DiffusionPipeline.progress_bar = kept


@contextlib.contextmanager
def heard_parts(pipeline: Any, heard: Callable[[], None]) -> Iterator[None]:
    """Call ``heard`` whenever a part of the pipeline has worked; it may raise to end the drawing."""
    whole = [part for part in pipeline.components.values() if isinstance(part, torch.nn.Module)]
    # A decoder is a part of a part, and nobody calls that as a whole.
    modules = {part for each in whole for part in (each, *each.children())}
    hooks = [module.register_forward_hook(lambda *_: heard()) for module in modules]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
