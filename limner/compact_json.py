"""JSON without spaces, in UTF-8; used for records and answers."""

from __future__ import annotations

import json

#: return a value as one line of JSON; ``json.dumps`` with these options makes an encoder for each call
compact_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
