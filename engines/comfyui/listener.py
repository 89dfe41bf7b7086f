"""The one socket of this process to a ComfyUI server: percent and previews for all its drawings.

Never the source of truth: without the socket, drawings still finish, only without percent. Traps seen
on real servers, and what is done about each:

- Events go only to the client id given at submit; those without one go to everyone: see ``frames``.
- Events before connecting are lost: so a submit waits for ``ready``.
- Two sockets with one client id: when the old one closes, the server forgets the new one, which stays
  open and silent. So the next one is opened a moment after the old one is closed, and a socket that is
  silent about a running drawing for too long is reopened.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from engines.comfyui.frames import HELLO, Heard, read_frame
from limner.log import event

log = logging.getLogger(__name__)

#: most unread frames; a preview is about 100 KB
FRAME_MAX_BYTES = 8 * 1024 * 1024
FRAMES_WAITING = 4
OPEN_S = 3.0
#: how long a submit may wait for the first connection
READY_S = 2.0
#: pause between closing a socket and opening the next, for the server to notice
PAUSE_S, PAUSE_MAX_S = 0.5, 30.0
LOOK_S = 1.0


class SocketListener:
    """The socket and its thread. Starts with the first submit and ends with ``close``."""

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        client_id: str,
        hear: Callable[[Heard], None],
        is_stale: Callable[[float], bool],
    ) -> None:
        parts = urlsplit(base_url)
        scheme = "wss" if parts.scheme == "https" else "ws"
        self._url = f"{scheme}://{parts.netloc}{parts.path}/ws?clientId={client_id}"
        self._headers, self._hear, self._is_stale = dict(headers), hear, is_stale
        self._peer = parts.netloc
        self._lock = threading.Lock()
        self._tried = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._socket: ClientConnection | None = None
        self.open = False

    def ready(self) -> None:
        """Start listening; return when the socket is open, or cannot be opened for now."""
        with self._lock:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._run, name="comfyui-hear", daemon=True)
                self._thread.start()
        self._tried.wait(READY_S)

    def close(self) -> None:
        """Close the socket and end the thread."""
        self._closing.set()
        if self._socket:
            # Wakes the thread, which would otherwise wait for its next check.
            self._socket.close()
        if self._thread:
            self._thread.join(5)

    def _run(self) -> None:
        pause_s = PAUSE_S
        while not self._closing.is_set():
            try:
                with connect(
                    self._url,
                    additional_headers=self._headers,
                    open_timeout=OPEN_S,
                    close_timeout=1,
                    max_size=FRAME_MAX_BYTES,
                    max_queue=FRAMES_WAITING,
                    # Pictures do not compress, and a local server has better things to do.
                    compression=None,
                    # The library logs the headers.
                    logger=_silent(),
                ) as socket:
                    pause_s = PAUSE_S
                    self._listen(socket)
            except (OSError, WebSocketException) as error:
                if self._closing.is_set():
                    break
                event(log, "comfyui.socket_lost", peer=self._peer, why=type(error).__name__)
            # Without percent a drawing is still a drawing.
            except Exception:  # noqa: BLE001
                event(log, "comfyui.socket_crashed", level=logging.ERROR, error=True)
            self.open, self._socket = False, None
            self._tried.set()
            self._closing.wait(pause_s)
            pause_s = min(pause_s * 2, PAUSE_MAX_S)

    def _listen(self, socket: ClientConnection) -> None:
        self._socket = socket
        socket.send(HELLO)
        self.open = True
        self._tried.set()
        opened_s = looked_s = time.monotonic()
        while not self._closing.is_set():
            frame: str | bytes | None = None
            with contextlib.suppress(TimeoutError):
                frame = socket.recv(timeout=LOOK_S)
            if frame is not None:
                for heard in read_frame(frame):
                    self._hear(heard)
            now_s = time.monotonic()
            if now_s - looked_s >= LOOK_S:
                looked_s = now_s
                if self._is_stale(opened_s):
                    event(log, "comfyui.socket_silent", peer=self._peer)
                    return


def _silent() -> logging.Logger:
    logger = logging.getLogger(f"{__name__}.wire")
    logger.setLevel(logging.CRITICAL)
    return logger
