"""Which kinds of keys a Lua script or library reads and writes, derived from its text.

A kind is the first argument of ``key(…)``; ``job_key(…)`` is ``job``. What a script touches is what it hands to
``redis.call`` itself, or to a function that hands it on (``within(key('fate', …), …)`` is the caller's use of
``fate``; what a library touches by itself is the library's). Values are followed through locals, tables, loops,
``and``/``or`` and functions that return keys, whatever branch is taken; a key that cannot be followed is an
error, not a gap. Plain text or an argument as a key is the name of a lane: the broker's queue of that name.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

QUEUE = "<lane>"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: What changes the key that comes first; DEL and UNLINK change all of theirs.
WRITES = _words(
    """DEL EXPIRE HDEL HINCRBY HSET HSETNX INCR LPOP LPUSH LREM LSET LTRIM PERSIST PEXPIRE RPOP RPUSH SADD
    SET SREM UNLINK ZADD ZPOPMIN ZREM ZREMRANGEBYRANK ZREMRANGEBYSCORE"""
)
READS = _words(
    """EXISTS GET HEXISTS HGET HGETALL HKEYS HLEN HMGET HSCAN LINDEX LLEN LRANGE PTTL SCARD SISMEMBER SMEMBERS
    SRANDMEMBER SSCAN ZCARD ZCOUNT ZRANGE ZRANGEBYSCORE ZRANK ZREVRANGE ZSCAN ZSCORE"""
)
#: Writes whose answer is what was stored.
TAKES = {"LPOP", "RPOP", "ZPOPMIN"}
#: All their arguments are keys.
MANY = {"DEL", "EXISTS", "UNLINK"}
KEYLESS = {"TIME"}

_TOKEN = re.compile(
    r"""--[^\n]*|(?P<token>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[A-Za-z_]\w*|\d[\w.]*|\.\.\.|\.\.|[=~<>]=|\S)"""
)
_NAME = re.compile(r"[A-Za-z_]\w*$")
_OPEN, _CLOSE = {"(", "[", "{"}, {")", "]", "}"}
#: where an expression ends that no bracket and no comma ends
_ENDS = _words("local return if then else elseif end for while do repeat until function break = ;")

#: "key" and its kind, "text" and itself, or "parameter" and which one
Value = tuple[str, str]


@dataclass
class _Function:
    file: str
    name: str
    parameters: list[str]
    outer: _Function | None
    #: name → the expressions that it may have been given
    locals: dict[str, list[list[str]]] = field(default_factory=lambda: defaultdict(list))
    returned: list[list[str]] = field(default_factory=list)
    #: (what is called, its arguments)
    calls: list[tuple[str, list[list[str]]]] = field(default_factory=list)

    def parameter(self, place: int) -> str:
        return f"{self.file} {self.name} {place}"


class Keys:
    """What each of these files (name → text) reads and writes."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.reads: dict[str, set[str]] = {name: set() for name in texts}
        self.writes: dict[str, set[str]] = {name: set() for name in texts}
        self._files = {name: _functions(name, text) for name, text in texts.items()}
        named = {file: {f.name: f for f in functions} for file, functions in self._files.items()}
        libraries = {
            k: f for file in named if file.startswith("lib_") for k, f in named[file].items()
        }
        #: file → the functions that can be called there
        self._named = {file: libraries | own for file, own in named.items()}
        #: what a library shares with those that are put after it → the library
        self._shared = {
            name: functions[0]
            for file, functions in self._files.items()
            for name in functions[0].locals
            if file.startswith("lib_")
        }
        #: parameter → what is done with the key that it holds
        self._done: dict[str, set[str]] = defaultdict(set)
        before = -1
        while before != (before := self._size()):
            for file, functions in self._files.items():
                for function in functions:
                    self._follow(file, function)

    def _size(self) -> int:
        found = [*self.reads.values(), *self.writes.values(), *self._done.values()]
        return sum(map(len, found))

    def _follow(self, file: str, function: _Function) -> None:
        for called, arguments in function.calls:
            if called == "redis.call":
                command = arguments[0][0].strip("'\"")
                if command in KEYLESS:
                    continue
                deeds = _deeds(file, command)
                for argument in arguments[1:] if command in MANY else arguments[1:2]:
                    self._note(file, function, argument, deeds)
            elif made := self._named[file].get(called):
                for place, argument in enumerate(arguments):
                    if deeds := self._done.get(made.parameter(place), set()):
                        self._note(file, function, argument, deeds)

    def _note(self, file: str, function: _Function, argument: list[str], deeds: set[str]) -> None:
        found = self._values(argument, function)
        if not found:
            raise ValueError(f"{file}: what key is {' '.join(argument)}?")
        for what, name in found:
            if what == "parameter":
                self._done[name] |= deeds
                continue
            for deed in deeds:
                getattr(self, deed)[file].add(name if what == "key" else QUEUE)

    def _values(self, tokens: list[str], function: _Function, depth: int = 0) -> set[Value]:
        """Return what an expression may be."""
        pieces = _split(tokens, {"and", "or"})
        if depth > 20 or not tokens:
            return set()
        if len(pieces) > 1:
            return set().union(*(self._values(piece, function, depth + 1) for piece in pieces))
        first, rest = tokens[0], tokens[1:]
        if first[0] in "'\"" and not rest:
            return {("text", first[1:-1])}
        if first == "{":
            # what is after the name, if an item has one
            items = [_split(item, {"="})[-1] for item in _split(tokens[1:-1], {","})]
            return set().union(*(self._values(item, function, depth + 1) for item in items))
        if first == "(" and _closing(tokens, 0) == len(tokens) - 1:
            return self._values(tokens[1:-1], function, depth + 1)
        if not _NAME.match(first):
            return set()
        if not rest:
            return self._held(first, function, depth)
        if rest[0] == "(" and _closing(tokens, 1) == len(tokens) - 1:
            return self._returned(first, _split(tokens[2:-1], {","}), function, depth)
        if first == "ARGV":
            return {("key", QUEUE)} if rest[0] == "[" and rest[-1] == "]" else set()
        if rest[0] in {".", "["} and ".." not in tokens:
            return {v for v in self._held(first, function, depth) if v[0] != "parameter"}
        return set()

    def _held(self, name: str, function: _Function | None, depth: int) -> set[Value]:
        while function:
            if name in function.parameters:
                return {("parameter", function.parameter(function.parameters.index(name)))}
            if name in function.locals:
                given = function.locals[name]
                return set().union(*(self._values(one, function, depth + 1) for one in given))
            function = function.outer
        owner = self._shared.get(name)
        return self._held(name, owner, depth + 1) if owner else set()

    def _returned(
        self, called: str, arguments: list[list[str]], function: _Function, depth: int
    ) -> set[Value]:
        if called == "job_key":
            return {("key", "job")}
        if called == "key":
            kinds = self._values(arguments[0], function, depth + 1)
            return {("key", text) for what, text in kinds if what == "text"}
        if called in {"ipairs", "pairs", "unpack"}:
            return self._values(arguments[0], function, depth + 1)
        made = self._named[function.file].get(called)
        if made is None:
            return set()
        found = set().union(*(self._values(one, made, depth + 1) for one in made.returned))
        return {value for value in found if value[0] == "key"}


def _deeds(file: str, command: str) -> set[str]:
    """Return which of "reads" and "writes" a command does; every command that is used has to be listed."""
    if command not in WRITES | READS:
        raise ValueError(f"{file}: does {command} read or write? Say so in {Path(__file__).name}")
    reads, writes = command in READS | TAKES, command in WRITES
    return {name for name, does in (("reads", reads), ("writes", writes)) if does}


def _functions(file: str, text: str) -> list[_Function]:
    """Return the functions of a file, and first what is in none."""
    tokens = [match["token"] for match in _TOKEN.finditer(text) if match["token"]]
    found = [_Function(file, "", [], None)]
    blocks: list[_Function] = [found[0]]
    tables = 0
    for i, token in enumerate(tokens):
        inside = blocks[-1]
        tables += (token == "{") - (token == "}")
        if token == "function":
            name = tokens[i + 1] if tokens[i + 1] != "(" else ""
            start = tokens.index("(", i)
            named = tokens[start + 1 : _closing(tokens, start)]
            found.append(_Function(file, name, [n for n in named if n != ","], inside))
            blocks.append(found[-1])
        elif token in {"if", "do", "repeat"}:
            blocks.append(inside)
        elif token in {"end", "until"}:
            blocks.pop()
        elif token in {"=", "in"} and not tables:
            _assign(inside, tokens, i)
        elif token == "return":
            inside.returned += next(_lists(tokens, i + 1))[:1]
        elif token == "(" and _NAME.match(tokens[i - 1]) and tokens[i - 2] != "function":
            called = "".join(tokens[i - 3 : i]) if tokens[i - 2] == "." else tokens[i - 1]
            inside.calls.append((called, _split(tokens[i + 1 : _closing(tokens, i)], {","})))
    return found


def _assign(function: _Function, tokens: list[str], at: int) -> None:
    """Note what the names before ``=`` or ``in`` are given."""
    names, i = [tokens[at - 1]], at - 2
    while tokens[i] == ",":
        names, i = [tokens[i - 1], *names], i - 2
    given = next(_lists(tokens, at + 1))
    if tokens[at] == "in":
        # The loop's second name is what the table holds.
        names, given = names[1:], given * 2
    for name, expression in zip(names, given, strict=False):
        if _NAME.match(name):
            function.locals[name].append(expression)


def _lists(tokens: list[str], start: int) -> Iterator[list[list[str]]]:
    """Yield the expressions from here on, split by commas."""
    depth, i = 0, start
    while i < len(tokens):
        token = tokens[i]
        depth += (token in _OPEN) - (token in _CLOSE)
        begins_another = (
            i > start
            and _NAME.match(token)
            and _ended(tokens[i - 1])
            and token not in {"and", "or"}
        )
        if depth < 0 or (depth == 0 and (token in _ENDS or begins_another)):
            break
        i += 1
    yield _split(tokens[start:i], {","})


def _ended(token: str) -> bool:
    """Say whether an expression may end with this token, so that a name after it begins a statement."""
    words = {"and", "or", "not"}
    return token in _CLOSE or token[0] in "'\"" or (token[0].isalnum() and token not in words)


def _split(tokens: list[str], by: Iterable[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token in _OPEN) - (token in _CLOSE)
        if depth == 0 and token in by:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def _closing(tokens: list[str], start: int) -> int:
    depth = 0
    for i in range(start, len(tokens)):
        depth += (tokens[i] in _OPEN) - (tokens[i] in _CLOSE)
        if depth == 0:
            return i
    raise ValueError(f"nothing closes {tokens[start : start + 5]}")
