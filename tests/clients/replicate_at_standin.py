"""What Replicate's own library makes of the stand-in that the engine is tested on; run where the clients are.

    python replicate_at_standin.py URL TOKEN

Prints one JSON object; tests/clients/test_replicate.py says what must be in it. URL is without ``/v1``.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from replicate.client import Client
from replicate.exceptions import ReplicateError

url, token = sys.argv[1:]
client = Client(api_token=token, base_url=url)
MODEL = "acme/painter"
INPUT = {"prompt": "a cat", "num_outputs": 2, "seed": 7, "width": 128, "height": 128}
seen: dict[str, Any] = {}

seen["fields"] = sorted(
    client.models.get(MODEL).latest_version.openapi_schema["components"]["schemas"]["Input"][
        "properties"
    ]
)
prediction = client.models.predictions.create(MODEL, input=INPUT)
seen["begun"] = prediction.status
prediction.wait()
seen["ended"] = [prediction.status, len(prediction.output), prediction.progress.percentage]
seen["listed"] = [one.id == prediction.id for one in client.predictions.list()]
other = client.models.predictions.create(MODEL, input={**INPUT, "seed": 8})
other.cancel()
other.reload()
seen["canceled"] = other.status
try:
    client.models.predictions.create(MODEL, input={**INPUT, "num_outputs": 9})
except ReplicateError as error:
    seen["refused"] = [error.status, error.detail]
sys.stdout.write(json.dumps(seen) + "\n")
