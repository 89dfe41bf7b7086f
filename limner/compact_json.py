"""JSON without spaces, in UTF-8; used for records and responses."""

from __future__ import annotations

import json

#: return a value as one line of JSON; ``json.dumps`` with these options would make a new encoder per call
compact_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
