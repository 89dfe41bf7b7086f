"""The settings of callbacks: receivers, the proxy, deadlines."""

from __future__ import annotations

from dataclasses import dataclass

from limner.settings import values
from limner.settings.setting import setting


@dataclass(frozen=True)
class CallbackSettings:
    """Which receivers are called, and how."""

    callback_url: str | None = setting(
        None, values.callback_url, "default callback URL for clients that have none", secret=True
    )
    callback_allow: str = setting(
        "",
        values.allow_list,
        "private receivers that callbacks may reach: `10.20.0.0/16:8443, localhost:*`",
    )
    callback_threads: int = setting(32, values.whole(1, 512), "concurrent callbacks in one process")
    callback_proxy: str | None = setting(
        None,
        values.proxy,
        "egress proxy for callbacks and reference images: `http://user:password@proxy:3128`",
        secret=True,
    )
    callback_limit_s: float = setting(
        20.0, values.seconds(1, 120), "deadline of one callback attempt"
    )
