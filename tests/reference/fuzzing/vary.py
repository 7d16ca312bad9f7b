"""Variations of inputs: of bytes as they are, and of documents by their parts."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from random import Random
from typing import Any

import yaml
from reference.fuzzing.target import Kind

# Values that programs forget: of another type, at an end of a range, beyond it, or no number.
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 255, 2**31 - 1, 2**31, 2**53, 2**63, 2**64, -(2**63)),
    *(10**30, 0.0, -0.0, 0.5, 1.5, -1e-320, 1e300, float("inf"), float("-inf"), float("nan")),
    *("", " ", "0", "1", "-1", "a", "nan", "1e999", "9" * 20, "none", "true", "..", "../a", "/"),
    *("\0", "\n", "é", "\ud800", "²", "a" * 300, "2026-13-45", "[", "{}", "0:0:8:8"),
    *([], {}, [[]], [None], [0], [1, 2], [1, 2, 3, 4], ["a"], {"": 0}, {"a": {}}, [[[[[[]]]]]]),
)
WORDS = (
    *(b"\0", b"\xff", b"\xff" * 4, b"\0" * 8, b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\xff" * 8),
    *(
        b"-1",
        b"1e999",
        b"NaN",
        b"null",
        b"[",
        b"]",
        b"{",
        b"}",
        b'"',
        b",",
        b":",
        b"\n",
        b"<",
        b">",
    ),
    *(b"&", b"*", b"!!", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"%", b"=", b"\\", b"'", b"../", b"#"),
)


def vary(data: bytes, kind: Kind, chance: Random) -> bytes:
    """Another input, one to three changes away.

    Args:
        data: an input.
        kind: of its target.
        chance: what is changed, and how.
    """
    if kind == "bytes" or chance.random() < 0.2:
        return vary_bytes(data, chance)
    try:
        return _DOCUMENTS[kind](data, chance)
    except (ValueError, RecursionError, yaml.YAMLError):  # no document any more
        return vary_bytes(data, chance)


def vary_bytes(data: bytes, chance: Random) -> bytes:
    """Bytes flipped, cut, doubled, moved, or put in."""
    found = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        place = chance.randint(0, len(found))
        length = min(chance.choice((1, 1, 2, 4, 8, 64)), len(found) - place)
        way = chance.randrange(6)
        if way == 0:
            found[place : place + 1] = bytes([chance.randrange(256)])
        elif way == 1:
            del found[place : place + length]
        elif way == 2:
            word = chance.choice(WORDS)
            found[place : place + len(word)] = word
        elif way == 3:
            found[place:place] = chance.choice(WORDS)
        elif way == 4:
            found[place:place] = found[place : place + length]
        elif chance.random() < 0.3:
            del found[place:]
    return bytes(found)


def vary_value(value: Any, chance: Random) -> Any:
    """A value of JSON with one of its parts changed."""
    value = copy.deepcopy(value)
    places: list[tuple[Any, Any]] = []
    _collect(value, places)
    if not places or chance.random() < 0.02:
        return chance.choice(ODD)
    holder, key = chance.choice(places)
    way = chance.randrange(6)
    if way == 0:
        del holder[key]
    elif way == 1 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(chance.choice(holder)))
    elif way == 1:
        holder[chance.choice(("a", "", "model", "name", *map(str, holder)))] = holder.pop(key)
    elif way == 2:
        holder[key] = copy.deepcopy(chance.choice(places)[0])
    elif way == 3:
        holder[key] = [holder[key]]
    else:
        holder[key] = chance.choice(ODD)
    return value


def _collect(value: Any, places: list[tuple[Any, Any]]) -> None:
    """All places in a value: (list or dictionary, index or key)."""
    items = value.items() if isinstance(value, dict) else ()
    for key, part in enumerate(value) if isinstance(value, list) else items:
        places.append((value, key))
        _collect(part, places)


def _vary_json(data: bytes, chance: Random) -> bytes:
    value = json.loads(data)
    for _ in range(chance.randint(1, 2)):
        value = vary_value(value, chance)
    return json.dumps(value).encode()


def _vary_lines(data: bytes, chance: Random) -> bytes:
    """Lines of JSON: one is varied, lost, doubled or moved."""
    lines = data.split(b"\n")
    place = chance.randrange(len(lines))
    way = chance.randrange(8)
    if way == 0:
        del lines[place]
    elif way == 1:
        lines.insert(chance.randrange(len(lines)), lines[place])
    elif way == 2:
        lines[place] = vary_bytes(lines[place], chance)
    else:
        lines[place] = _vary_json(lines[place], chance)
    return b"\n".join(lines)


def _vary_yaml(data: bytes, chance: Random) -> bytes:
    return yaml.safe_dump(vary_value(yaml.safe_load(data), chance)).encode()


_DOCUMENTS = {"json": _vary_json, "lines": _vary_lines, "yaml": _vary_yaml}


def make_small(data: bytes, fails: Callable[[bytes], bool], seconds: float) -> bytes:
    """The input of a finding without what it does not need.

    Args:
        data: the input.
        fails: whether another input is the same finding.
        seconds: after which the smallest so far is enough.
    """
    end = time.monotonic() + seconds
    length = max(len(data) // 2, 1)
    while length:
        place, before = 0, len(data)
        while place < len(data) and time.monotonic() < end:
            other = data[:place] + data[place + length :]
            if fails(other):
                data = other
            else:
                place += length
        if time.monotonic() >= end:
            break
        length = length // 2 if len(data) == before or length > 1 else 1
    return data
