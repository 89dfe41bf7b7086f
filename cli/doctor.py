"""``limner doctor``: check everything that an installation needs, and report what is wrong."""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import resource
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from limner.egress.address import AddressNotAllowed
from limner.errors import ConfigError, DiskFull, ImagesDown, StoreDown, StoreRefused
from limner.peer import leads_here
from limner.pictures.addresses import new_key
from limner.pictures.image_folder import ImageFolder, free_bytes
from limner.pictures.image_store import Images
from limner.printing import BAD, GOOD, QUIET, document, line
from limner.settings import Settings, redis_socket, surroundings
from limner.settings.broker import redis_url
from limner.settings.listening import bound_to
from limner.settings.reachable import check_url
from limner.store import Store
from limner.store.metrics.numbers import Numbers
from limner.store.metrics.warning import Code, Warned, warnings
from limner.store.server import gigabytes, usable
from stack import embedded, processes
from stack.door import port_trouble
from stack.engines_asked import WRONG, ask_engines
from stack.own_store import ImagesNotMounted, compare
from stack.privacy import exposed_mode, may_close

#: whether the check passed (None: for information), and one line
Finding = tuple[bool | None, str]

#: how each outcome is marked, and its style on a terminal
MARKS = {True: ("ok", GOOD), False: ("BAD", BAD), None: ("-", QUIET)}

#: a worker with 300 drawings over HTTP was seen with 2,603
DESCRIPTORS = 4096


def doctor(options: argparse.Namespace) -> int:
    """Print one line per check; exit code 1 if something is wrong."""
    settings = Settings.load()
    checks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _settings,
        _engines,
        _tokens,
        _default_url,
        _folder,
        _descriptors,
        _server,
        _images,
        _ports,
    )
    found = [finding for check in checks for finding in _tell(check(settings), options)]
    bad = any(well is False for well, _ in found)
    if options.json:
        findings = [{"ok": well, "text": text} for well, text in found]
        document({"ok": not bad, "data": findings})
    return 1 if bad else 0


def _tell(findings: Iterator[Finding], options: argparse.Namespace) -> Iterator[Finding]:
    """Pass the findings on, printing each at once: some take seconds to make."""
    for well, text in findings:
        if not options.json:
            mark, style = MARKS[well]
            line((f"{mark:4}", style), text)
        yield well, text


def _settings(settings: Settings) -> Iterator[Finding]:
    config = str(processes.config_path(os.environ))
    source = config if os.path.exists(config) else "no limner.toml"
    yield True, f"settings: {source}; Python {platform.python_version()}"
    if ignored := surroundings.strangers(os.environ):
        yield None, f"environment: {', '.join(ignored)}: set for other programs, ignored"
    try:
        processes.flower(settings)
    except ConfigError as error:
        yield False, error.message


def _engines(settings: Settings) -> Iterator[Finding]:
    """Build each engine and ask how it is: what no worker has asked yet is not well for that."""
    for engine, asked in zip(settings.engines, ask_engines(settings), strict=True):
        lanes = f"slots fast {engine.fast.slots}, relaxed {engine.relaxed.slots}"
        if asked.state == WRONG:
            yield False, f"{asked.setting}: {asked.why}"
            continue
        well = {"ok": True, "degraded": None}.get(asked.state, False)
        yield well, f"engine {engine.name} ({engine.driver}): {asked.words}; {lanes}"


def _tokens(settings: Settings) -> Iterator[Finding]:
    if settings.public_url and not leads_here(settings.public_url) and not settings.metrics_token:
        yield (
            None,
            "/metrics: nobody can read it; with a public URL, set LIMNER_METRICS_TOKEN",
        )


def _default_url(settings: Settings) -> Iterator[Finding]:
    try:
        if settings.callback_url:
            check_url(settings.callback_url, settings)
    except AddressNotAllowed:
        yield (
            None,
            "LIMNER_CALLBACK_URL: its address is not in LIMNER_CALLBACK_ALLOW; only clients whose own list allows it "
            "are called there",
        )


def _folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    writable = _may_be_made(folder)
    yield writable, f"data folder {folder}" + ("" if writable else ": cannot be written")
    # Without an embedded server it contains no secrets.
    mode = exposed_mode(folder) if not settings.redis_url and folder.is_dir() else 0
    if mode:
        exposed = f"other accounts may read {folder} (mode {mode:04o})"
        if may_close(folder):
            yield None, f"{exposed}: `limner up` closes it"
        else:
            yield False, f"{exposed}, where callback secrets are kept: chmod 700 {folder}"


def _descriptors(_settings: Settings) -> Iterator[Finding]:
    # Workers raise the soft limit themselves, up to the hard one.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= DESCRIPTORS:
        yield True, "open files: enough for hundreds of drawings"
    else:
        yield (
            None,
            f"open files: {hard} at most (ulimit -Hn); hundreds of drawings need {DESCRIPTORS}",
        )


def _server(settings: Settings) -> Iterator[Finding]:
    if not settings.redis_url:
        try:
            yield True, f"embedded server: {embedded.binary().name}"
            redis_socket.socket_url(settings.data_dir)
        except ConfigError as error:
            yield False, error.message
            return
        if not (settings.data_dir / redis_socket.SOCKET_NAME).exists():
            yield None, "Redis: `limner up` has not run here"
            return
    store = Store(redis_url(settings))
    try:
        facts = usable(store.redis, settings.redis_replicas)
        numbers = _with_own_clock(store)
        mark, _ = store.schema.mark()
        store.schema.check()
    except StoreRefused as error:
        yield False, f"LIMNER_REDIS_URL: {error.message}"
        return
    except StoreDown as error:
        # The embedded server runs only while `limner up` does.
        yield (False if settings.redis_url else None), error.message
        return
    finally:
        store.close()
    version = facts.version or "of unknown version"
    yield True, f"{facts.product} {version} (6.2 or newer is needed)"
    if facts.memory_bytes and facts.memory_limit_bytes:
        of = f" of {gigabytes(facts.memory_limit_bytes)}" if facts.maxmemory_bytes else ""
        yield None, f"memory of Redis: {gigabytes(facts.memory_bytes)}{of}"
    yield True, f"data: schema {mark.schema}; this Limner's is {store.schema.ours}"
    if facts.replicas is not None and not facts.too_few_replicas():
        must = f"{facts.replicas_asked} must have a job before it is accepted"
        yield True, f"replicas: {facts.replicas}; {must}"
    ahead = (f"{host} {ahead_s:+.1f} s" for host, ahead_s in sorted(numbers.clocks.items()))
    yield None, f"clocks, compared with Redis: {', '.join(ahead)}"
    for warned in warnings(numbers, facts):
        # If the gateway is not running, no engine or worker is up: nothing to fix.
        if warned.code not in (Code.NO_ENGINE, Code.NO_WORKER) or numbers.carried:
            yield None if _is_no_fault(warned) else False, warned.sentence(openly=True)


def _is_no_fault(warned: Warned) -> bool:
    """Return whether it was done on purpose, or hurts nobody yet."""
    return warned.code is Code.PAUSED or (warned.code is Code.MEMORY and warned.subject != "full")


def _with_own_clock(store: Store) -> Numbers:
    """Return the metrics with this host's clock among those that running processes reported."""
    before_s = time.time()
    numbers = store.numbers.read()
    after_s, at_s = time.time(), numbers.at_ms / 1000
    # Redis read its clock between these two moments.
    ahead_s = max(0.0, before_s - at_s) + min(0.0, after_s - at_s)
    return replace(numbers, clocks={**numbers.clocks, socket.gethostname(): ahead_s})


def _images(settings: Settings) -> Iterator[Finding]:
    """Write, read and delete one object: nothing else shows what is wrong with a bucket."""
    where = f"pictures: {settings.image_store or 'in the data folder'}"
    store = Store(redis_url(settings))
    try:
        answers = _answers(store)
        images = Images.of(settings, store.folders if answers else None)
        if answers:
            # Its own check goes on: it may be a store that is only to be used.
            yield from _compared(images, store)
        if images.folder:
            yield from _image_folder(images, images.folder, where)
            return
        same = _comes_back(images)
        yield same, where if same else f"{where}: what is written there does not come back"
    except (ConfigError, ImagesDown, OSError) as error:
        yield False, f"{where}: {error}"
    finally:
        store.close()


def _comes_back(images: Images) -> bool:
    """Write an object, read it and delete it; return whether it was the same.

    Raises:
        ImagesDown: one of these failed; the object is deleted all the same, if that works.
    """
    key = new_key("spool", "txt", datetime.now(UTC))
    same = False
    try:
        # One that is written too slowly may be there all the same.
        images.put_as(key, b"limner doctor")
        with contextlib.suppress(KeyError):
            same = images.get(key) == b"limner doctor"
    except ImagesDown:
        with contextlib.suppress(ImagesDown):
            images.delete(key)
        raise
    images.delete(key)
    return same


def _compared(images: Images, store: Store) -> Iterator[Finding]:
    try:
        odd = compare(images, store)
    except (ConfigError, ImagesNotMounted) as error:
        yield False, error.message
    except (ImagesDown, StoreDown):
        pass  # other checks tell
    else:
        if odd:
            yield False, odd


def _image_folder(images: Images, folder: ImageFolder, where: str) -> Iterator[Finding]:
    # Created with the first picture, because it must belong to the gateway's account.
    if folder.is_new():
        yield _may_be_made(folder.root), f"{where}, not used yet"
        return
    images.check()
    if _is_roots_alone(folder.root):
        yield False, f"{where}: {folder.root} belongs to root, what is around it does not: chown it"
        return
    free = f"{free_bytes(folder.root) / 2**30:.1f} GB free"
    try:
        folder.check_room()
    except DiskFull as error:
        yield False, f"{where}: {free}; {error}"
    else:
        yield True, f"{where}; {free}"


def _is_roots_alone(folder: Path) -> bool:
    """Return whether root, who asks, may write a folder that the gateway's account may not."""
    return folder.stat().st_uid == os.geteuid() == 0 != folder.parent.stat().st_uid


def _may_be_made(folder: Path) -> bool:
    """Return whether a folder can be written to, or created if missing."""
    place = next(path for path in (folder, *folder.parents) if path.exists())
    return place.is_dir() and os.access(place, os.W_OK)


def _answers(store: Store) -> bool:
    with contextlib.suppress(StoreDown):
        store.ping()
        return True
    return False


def _ports(settings: Settings) -> Iterator[Finding]:
    for what, host, port in (
        ("API", settings.host, settings.port),
        ("Flower", settings.flower_host, settings.flower_port),
    ):
        trouble = port_trouble(host, port)
        # Limner itself may be using it.
        yield (None if trouble else True), f"{what} at {bound_to(host, port)}: {trouble or 'free'}"
