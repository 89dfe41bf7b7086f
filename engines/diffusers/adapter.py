"""An IP-Adapter for one drawing: pictures whose style or things are taken over.

Used by ``painter``, in the drawing process only. Source: diffusers 0.42.1, ``loaders/ip_adapter.py``: an
adapter replaces the UNet's attention, which no drawing without pictures can use; so it is taken out again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from engines.diffusers.config import PipelineConfig
from engines.diffusers.order import PipelineOrder
from engines.diffusers.pipelines import Unusable, is_out_of_memory, place_of


@contextlib.contextmanager
def adapting(pipeline: Any, config: PipelineConfig, order: PipelineOrder) -> Iterator[None]:
    """Give the pipeline the operator's adapter, with the order's weight.

    Raises:
        Unusable: the adapter is not there, or does not fit the pipeline.
    """
    weights = PurePosixPath(config.ip_adapter_weights)
    scale: Any = order.adapter_scale
    if order.style_only:
        # the one block of SDXL whose attention decides on style
        scale = {"up": {"block_0": [0.0, scale, 0.0]}}
    try:
        pipeline.load_ip_adapter(
            place_of(config.ip_adapter),
            subfolder=str(weights.parent) if weights.parent.name else "",
            weight_name=weights.name,
            local_files_only=config.offline,
        )
        pipeline.set_ip_adapter_scale(scale)
    # Files of any kind and age; whatever is wrong with them, the operator must act.
    except Exception as error:
        if is_out_of_memory(error):
            raise
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise Unusable(f"{config.ip_adapter} cannot be used: {said[0][:300]}") from error
    try:
        yield
    finally:
        pipeline.unload_ip_adapter()
