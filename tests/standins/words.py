"""A stand-in for a server that checks and translates words, as OpenAI's moderations and chat completions do.

Faults: ``hang drip 500 not-json empty no-verdict long cut drop``. What has the word *weapon* is flagged; a
translation is looked up in ``DICTIONARY``, else it is the text in angle brackets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.standins.loopback import Answer, Asked, Dropped, Loopback, as_json

KEY = "sk-words"
DICTIONARY = {
    "ein roter Fuchs im Schnee": "a red fox in the snow",
    "Schnee und Eis": "snow and ice",
}


class WordsServer(Loopback):
    """``url``/v1/moderations and ``url``/v1/chat/completions."""

    def answer(self, asked: Asked) -> Answer:
        if "hang" in self.faults:
            self.pause(60, asked)
            raise Dropped
        if "drip" in self.faults:
            return Answer(self._drip(asked))
        if "drop" in self.faults:
            raise Dropped
        if "500" in self.faults:
            return as_json({"error": "with the words: " + asked.body.decode()}, 500)
        if "not-json" in self.faults:
            return Answer(b"<html>fine</html>", 200, "text/html")
        if "empty" in self.faults:
            return as_json({})
        return as_json(self._said(asked.path, asked.json))

    def _said(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if path.endswith("/moderations"):
            if "no-verdict" in self.faults:
                return {"results": [{"categories": {}}]}
            return {"id": "modr-1", "results": [{"flagged": "weapon" in body["input"]}]}
        words = body["messages"][-1]["content"]
        said = DICTIONARY.get(words, f"<{words}>")
        if "long" in self.faults:
            said = "word " * 10_000
        ended = "length" if "cut" in self.faults else "stop"
        message = {"role": "assistant", "content": said}
        return {"choices": [{"index": 0, "message": message, "finish_reason": ended}]}

    def _drip(self, asked: Asked) -> Iterator[bytes]:
        yield b"{"
        while self.pause(0.02, asked):
            yield b" "
