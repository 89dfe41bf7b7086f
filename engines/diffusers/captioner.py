"""Describes a picture with a caption model of the library transformers, in the drawing process only.

Source: transformers 5, run with BLIP; any model of its class ``AutoModelForImageTextToText`` that needs no
words beside the picture.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

from engines.diffusers.config import PipelineConfig
from engines.diffusers.drawing import Unreadable
from engines.diffusers.pipelines import place_of
from engines.remote.describing import PROMPTS, four_prompts
from engines.remote.starting import opened
from limner.errors import Rejected

#: how long a caption may get
TOKENS_MAX = 60
#: captions differ by choosing among the likeliest words
LIKELIEST = 0.9


class Captioner:
    """A loaded caption model."""

    def __init__(self, model: str, config: PipelineConfig, device: str, dtype: Any) -> None:
        place, local = place_of(model), config.offline
        self._device, self._dtype = device, dtype
        self._processor = transformers.AutoProcessor.from_pretrained(place, local_files_only=local)
        self._model = transformers.AutoModelForImageTextToText.from_pretrained(
            place, local_files_only=local, dtype=dtype, use_safetensors=not config.allow_pickle
        ).to(device)

    def prompts(self, path: Path, seed: int) -> tuple[str, ...]:
        """Return four different prompts, the same ones for the same seed.

        Raises:
            Unreadable: the picture cannot be read.
        """
        try:
            picture = opened(path)
        except Rejected as error:
            raise Unreadable("the picture to describe cannot be read") from error
        given = self._processor(images=picture, return_tensors="pt").to(self._device, self._dtype)
        likeliest = self._said(given, do_sample=False)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            others = self._said(
                given, do_sample=True, top_p=LIKELIEST, num_return_sequences=PROMPTS
            )
        return four_prompts([*likeliest, *others])

    def _said(self, given: Any, **how: Any) -> list[str]:
        with torch.inference_mode():
            tokens = self._model.generate(**given, max_new_tokens=TOKENS_MAX, **how)
        return list(self._processor.batch_decode(tokens, skip_special_tokens=True))
