"""Draws with Midjourney's models at Youchuan, its licensed host in China.

``docs/engines/youchuan.md`` explains the set-up. ``build`` makes the engine from its ``[[engine]]`` entry, over
the seam ``engines.hosted``; the rest of the folder is ``host`` (what it asks for), ``text`` (the prompt and its
flags), ``areas`` (a mask as polygons) and ``job`` (what a record and a refusal mean).
"""

from __future__ import annotations

from engines.hosted.account import Account
from engines.hosted.setup import manner_of
from engines.remote.options import Options
from engines.youchuan.host import YouchuanEngine, YouchuanHost, YouchuanManner
from engines.youchuan.job import judge
from limner.settings import EngineSettings

API = "https://ali.youchuan.cn"


def build(settings: EngineSettings) -> YouchuanEngine:
    """Build the engine from its ``[[engine]]`` entry.

    Raises:
        ConfigError: an option is wrong.
    """
    options = Options(settings)
    manner = manner_of(settings, options, url=API, key="secret", poll_s=2.0, polls_most=5.0)
    app = options.secret("app")
    if app is None:
        options.wrong("app_env", "is required (or app_file)")
    account = Account(
        manner.url,
        {"x-youchuan-app": app, "x-youchuan-secret": manner.key, **manner.headers},
        judge=judge,
        submit_s=manner.submit_s,
    )
    host = YouchuanHost(
        account,
        YouchuanManner(
            name=manner.name,
            version=options.optional_text("version") or "",
            relax=options.flag("relax"),
            send_seed=options.flag("send_seed"),
            suffix=manner.suffix,
        ),
    )
    options.done()
    return YouchuanEngine(host, manner)
