"""nginx and Caddy in front of a Limner, by the files of deploy/ as they stand, but for ports, certificates and folders."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trustme
import urllib3

from tests.acceptance.house import House
from tests.conftest import free_port, wait_until

DEPLOY = Path(__file__).parents[2] / "deploy"
NAME = "draw.example"
IMAGINE = "/draw/midjourney/imagine"
NGINX = DEPLOY / "nginx/limner.conf"
NGINX_PATH = DEPLOY / "nginx/under-a-path.conf"
CADDY = DEPLOY / "caddy/Caddyfile"
CADDY_PATH = DEPLOY / "caddy/under-a-path.caddyfile"
NOTHING: Mapping[str, str] = {}
_NGINX_MAIN = """
daemon off;
pid {folder}/pid;
error_log stderr;
{user}
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/limner.conf;
    server {{
        listen {path_port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        access_log {folder}/site;
        include {folder}/under-a-path.conf;
    }}
}}
"""
#: for the first line of the file's own options
_CADDY_OPTIONS = """
{{
	admin off
	auto_https disable_redirects
	storage file_system {folder}
"""


def program(name: str) -> str:
    """Return where a program is installed; without it skip the test, or fail where CI is set."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if not found:
        missing = f"{name} is not installed: apt install {name}"
        if os.environ.get("CI") and not os.environ.get(f"{name.upper()}_OPTIONAL"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def replaced(text: str, words: Mapping[str, str]) -> str:
    """Return a text with others for some of its words, each of which has to be in it."""
    for word in words:
        assert word in text, word
    # At one go: what one is replaced by, a free port, may begin as another does.
    return re.sub("|".join(map(re.escape, words)), lambda found: words[found[0]], text)


class Front:
    """A proxy with TLS for ``draw.example`` on free ports of loopback, with a certificate of our own.

    On ``path_port`` there is the same Limner under a path of another site.
    """

    def __init__(self, folder: Path, api_port: int, flower_port: int) -> None:
        folder.mkdir()
        self.folder = folder
        self.port, self.plain_port, self.path_port = free_port(), free_port(), free_port()
        self.upstreams = {
            "127.0.0.1:8000": f"127.0.0.1:{api_port}",
            "127.0.0.1:5555": f"127.0.0.1:{flower_port}",
        }
        authority = trustme.CA()
        issued = authority.issue_cert(NAME)
        self.key, self.certificate = folder / "key.pem", folder / "cert.pem"
        authority.cert_pem.write_to_path(folder / "ca.pem")
        issued.private_key_pem.write_to_path(self.key)
        issued.cert_chain_pems[0].write_to_path(self.certificate)
        self._process: subprocess.Popen[bytes] | None = None

    def pool(
        self, port: int | None = None, *, timeout: float = 60, maxsize: int = 1
    ) -> urllib3.HTTPSConnectionPool:
        """Return connections to it, which check its name and its certificate; ``maxsize`` are kept."""
        return urllib3.HTTPSConnectionPool(
            "127.0.0.1",
            port or self.port,
            timeout=timeout,
            maxsize=maxsize,
            retries=False,
            ca_certs=str(self.folder / "ca.pem"),
            server_hostname=NAME,
            assert_hostname=NAME,
            headers={"Host": NAME},
        )

    def line(self) -> ssl.SSLSocket:
        """Return a connection to it for what no library sends."""
        trusting = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        return trusting.wrap_socket(plain, server_hostname=NAME)

    def close(self) -> None:
        """End the proxy."""
        if self._process:
            self._process.terminate()
            self._process.wait(20)

    def _run(self, *command: str) -> None:
        log = self.folder / "log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                env=os.environ | {"HOME": str(self.folder)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

        def listens() -> bool:
            assert self._process
            assert self._process.poll() is None, log.read_text()
            with socket.socket() as tried:
                return tried.connect_ex(("127.0.0.1", self.port)) == 0

        wait_until(listens, what=f"the start of {command[0]}")


class Nginx(Front):
    """Debian's nginx, with both of our files; ``words``: what else is put for others in both."""

    def __init__(
        self, folder: Path, api_port: int, flower_port: int, words: Mapping[str, str] = NOTHING
    ) -> None:
        super().__init__(folder, api_port, flower_port)
        ours = {
            **self.upstreams,
            "/etc/letsencrypt/live/draw.example/fullchain.pem": str(self.certificate),
            "/etc/letsencrypt/live/draw.example/privkey.pem": str(self.key),
            "/var/log/nginx/limner.log": str(folder / "access"),
            **words,
        }
        text = replaced(NGINX.read_text(encoding="utf-8"), ours)
        text = re.sub(r"listen \[::\]:.*\n", "", text)
        text = replaced(
            text, {"listen 80;": f"listen {self.plain_port};", "listen 443": f"listen {self.port}"}
        )
        (folder / "limner.conf").write_text(text)
        (folder / "under-a-path.conf").write_text(
            replaced(NGINX_PATH.read_text(encoding="utf-8"), self.upstreams | dict(words))
        )
        (folder / "nginx.conf").write_text(
            _NGINX_MAIN.format(
                folder=folder,
                # Whom it would become may not look into our folder.
                user="" if os.getuid() else "user root;",
                path_port=self.path_port,
                certificate=self.certificate,
                key=self.key,
            )
        )
        self._run(program("nginx"), "-e", "stderr", "-p", str(folder), "-c", "nginx.conf")


class Caddy(Front):
    """Debian's Caddy, with both of our files; ``words`` as above."""

    def __init__(
        self, folder: Path, api_port: int, flower_port: int, words: Mapping[str, str] = NOTHING
    ) -> None:
        super().__init__(folder, api_port, flower_port)
        tls = f"\ttls {self.certificate} {self.key}\n"
        ours = {
            **self.upstreams,
            "\n{\n": _CADDY_OPTIONS.format(folder=folder),
            f"\n{NAME} {{\n": f"\n{NAME}:{self.port} {{\n{tls}",
            **words,
        }
        under = {
            **self.upstreams,
            "\nwww.example {\n": f"\n{NAME}:{self.path_port} {{\n{tls}",
            **words,
        }
        file = folder / "Caddyfile"
        file.write_text(
            replaced(CADDY.read_text(encoding="utf-8"), ours)
            + replaced(CADDY_PATH.read_text(encoding="utf-8"), under)
        )
        self._run(program("caddy"), "run", "--adapter", "caddyfile", "--config", str(file))


KINDS = {"nginx": Nginx, "caddy": Caddy}


def ask(front: Front, method: str, path: str, token: str = "", **more: Any) -> Any:
    """Send a request through a proxy, on ``port`` of it, and return the answer."""
    headers = {"Host": NAME, "token": token} | more.pop("headers", {})
    port = more.pop("port", None)
    return front.pool(port).request(method, path, headers=headers, **more)


def waiting_job(house: House, front: Front, **fields: Any) -> dict[str, Any]:
    """Have a job accepted through a proxy, where nothing draws; return it."""
    asked = {"promptEn": "a lighthouse", "fast": True, "tag": "0" * 32} | fields
    answer = ask(front, "POST", IMAGINE, house.token, json=asked)
    assert answer.status == 202, answer.data
    job: dict[str, Any] = answer.json()
    return job
