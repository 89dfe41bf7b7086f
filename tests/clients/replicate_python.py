"""What a program does with Replicate's own library for Python; run where the clients' packages are.

    python replicate_python.py URL TOKEN

Prints one JSON object; tests/clients/test_replicate.py says what must be in it.
"""

from __future__ import annotations

import io
import json
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from replicate.client import Client
from replicate.exceptions import ModelError, ReplicateError
from replicate.webhook import Webhooks

url, token = sys.argv[1:]
client = Client(api_token=token, base_url=url)
MODEL = "acme/poster"
SECONDS = 30
seen: dict[str, Any] = {}

hooks: list[tuple[dict[str, str], str]] = []
completed = threading.Event()


class Receiver(BaseHTTPRequestHandler):
    """Takes webhooks."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        hooks.append((dict(self.headers), body))
        self.send_response(200)
        self.end_headers()
        if json.loads(body)["completed_at"]:
            completed.set()

    def log_message(self, *_: Any) -> None:
        pass


def failure(ask: Any) -> dict[str, Any]:
    try:
        ask()
    except ModelError as error:
        return {"class": "ModelError", "status": error.prediction.status, "detail": str(error)}
    except ReplicateError as error:
        return {"class": "ReplicateError", "status": error.status, "detail": error.detail}
    return {}


seen["run"] = client.run(MODEL, input={"prompt": "a cat", "num_outputs": 2, "seed": 7})
seen["version"] = client.run(f"{MODEL}:{'a' * 64}", input={"prompt": "a cat"})

prediction = client.models.predictions.create(MODEL, input={"prompt": "a cat [[seconds 2]]"})
seen["begun"] = [prediction.status, prediction.version]
progress = []
while prediction.status in ("starting", "processing"):
    if prediction.progress:
        progress.append([prediction.progress.current, prediction.progress.total])
    prediction.reload()
seen["progress"] = [max(progress)[1], progress == sorted(progress), max(progress)[0] > 0]
seen["waited"] = [prediction.status, len(prediction.output)]

short = client.predictions.create(model=MODEL, input={"prompt": "[[seconds 3]]  a cat"}, wait=1)
seen["held"] = short.status
short.wait()
seen["held_at_last"] = short.status

dropped = client.predictions.create(model=MODEL, input={"prompt": f"a cat [[seconds {SECONDS}]]"})
dropped.cancel()
seen["canceled"] = [dropped.status, client.predictions.get(dropped.id).status]

with urllib.request.urlopen(seen["run"][0]) as answer:
    picture = answer.read()
drawn = client.run(MODEL, input={"prompt": "a dog", "image": io.BytesIO(picture)})
seen["from_file"] = len(drawn)
files = client.files.list()
seen["files"] = [len(files), files[0].size == len(picture)]
seen["file"] = client.files.get(files[0].id).checksums == files[0].checksums
client.files.delete(files[0].id)
seen["files_left"] = len(client.files.list())

page = client.predictions.list()
seen["listed"] = [page.next, drawn == page.results[0].output]
seen["model"] = [
    client.models.get(MODEL).owner,
    len(client.models.get(MODEL).versions.list().results),
]
seen["account"] = client.accounts.current().username

server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
hook = f"http://127.0.0.1:{server.server_port}/hook"
told = client.predictions.create(
    model=MODEL,
    input={"prompt": "a cat"},
    webhook=hook,
    webhook_events_filter=["start", "completed"],
)
completed.wait(SECONDS)
secret = client.webhooks.default.secret()
for headers, body in hooks:
    Webhooks.validate(headers=headers, body=body, secret=secret, tolerance=300)
last = json.loads(hooks[-1][1])
told.reload()
seen["hooks"] = [json.loads(body)["status"] for _, body in hooks]
seen["hook_is_look"] = [
    last["id"] == told.id,
    last["output"] == told.output,
    last["input"] == told.input,
]

stranger = Client(api_token="wrong", base_url=url)
seen["failures"] = {
    "moderated": failure(lambda: client.run(MODEL, input={"prompt": "[[moderated]] a cat"})),
    "field": failure(lambda: client.run(MODEL, input={"prompt": "a cat", "num_outputs": 99})),
    "token": failure(lambda: stranger.run(MODEL, input={"prompt": "a cat"})),
    "nothing": failure(lambda: client.predictions.get("nothing")),
}
sys.stdout.write(json.dumps(seen) + "\n")
