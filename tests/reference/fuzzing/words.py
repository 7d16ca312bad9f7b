"""Targets: what users write on a command line or into a cell: choices, names, patterns, flags."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from reference.drawn import drawn_nuclei
from reference.fuzzing.target import Target

from nucseg_tf.annotation.exchange.drawn import Drawn
from nucseg_tf.annotation.exchange.rle import Runs, encode_runs, place_runs, unpack_counts
from nucseg_tf.commands.arguments import check
from nucseg_tf.commands.predict import predict
from nucseg_tf.commands.train import train
from nucseg_tf.data.regions import format_regions, parse_regions
from nucseg_tf.inference.shard import parse_shard
from nucseg_tf.io.choices import EACH, FOCUS, MAX, MEAN, parse
from nucseg_tf.io.plates.names import PATTERNS, own_pattern, recognise
from nucseg_tf.io.plates.wells import SIZES, parse_well, well_name
from nucseg_tf.io.runs import from_runs, to_runs

SHAPE = (72, 96)


def _target(name: str, read: Callable[[str], Any], *seeds: str) -> Target:
    def of_file(folder: Path) -> None:
        read((folder / "text").read_bytes().decode("utf-8", "surrogateescape"))

    return Target(name, "text", of_file, lambda: [seed.encode() for seed in seeds])


def _choices(text: str) -> None:
    """Lines of channel, z, t and scene; numbers also as the numbers that they are."""
    parts = [*text.split("\n"), "", "", "", ""][:4]
    given: list[Any] = [part or None for part in parts]
    choice = parse(*given)
    assert parse(choice.channel, choice.z, choice.t, choice.scene) == choice
    assert choice.z in (None, MAX, MEAN, FOCUS, EACH) or int(choice.z) >= 0
    for number, kind in ((0, int), (1, float)):
        try:
            value = kind(parts[number] or 0)
        except ValueError:
            continue
        parse(*(value if place == number else None for place in range(4)))


def _plate_names(text: str) -> None:
    paths = [line for line in text.split("\n") if line] or ["a"]
    for pattern in PATTERNS:
        for path in paths:
            name = pattern.read(path, 24)
            if name is not None:
                well = well_name(*name.place)
                assert parse_well(well) == name.place
                assert name.place[0] <= SIZES[-1][0]
                assert name.place[1] <= SIZES[-1][1]
                assert min(name.field, name.z, name.t) >= 0
    recognise(paths, "folder").leaves_out(paths[0])


def _pattern(text: str) -> None:
    if re.search(r"[*+}].*[*+}]", text):
        return  # whoever repeats repetitions may wait for the answer
    pattern = own_pattern(text)
    for path in ("plate_B03_f1_DAPI.tif", "a/b_C12.tif", "B03.tif"):
        pattern.read(path, 24)


def _regions(text: str) -> None:
    boxes = parse_regions(text)
    assert parse_regions(format_regions(boxes)) == boxes
    assert all(0 <= y0 < y1 and 0 <= x0 < x1 for y0, x0, y1, x1 in boxes)


def _cell(text: str) -> None:
    """Regions of a manifest, of which ValueError is part of the contract."""
    try:
        _regions(text)
    except ValueError:
        return


def _shard(text: str) -> None:
    shard = parse_shard(text)
    assert shard is not None
    assert 1 <= shard.number <= shard.count
    if shard.count < 1000:
        shard.of(range(10))


def _arguments(command: Callable[..., Any]) -> Callable[[str], None]:
    def read(text: str) -> None:
        for argument in check(command, text.split("\n")):
            assert isinstance(argument, str)

    return read


def _counts(text: str) -> None:
    """Run lengths as COCO packs them; ValueError is part of the contract."""
    try:
        counts = unpack_counts(text)
    except ValueError:
        return
    assert all(count >= 0 for count in counts)
    _, _, mask = place_runs(Runs(size=SHAPE, counts=text), SHAPE, "a")
    assert mask.sum() == sum(counts[1::2])
    assert mask.size == 0 or (mask.any(0)[[0, -1]].all())


def _runs(text: str) -> None:
    """Numbers of a journal; ValueError is part of the contract."""
    numbers = [int(part) for part in text.split(",") if re.fullmatch(r"-?\d{1,18}", part)]
    try:
        labels = from_runs(numbers, (4, 6))
    except ValueError:
        return
    assert labels.shape == (4, 6)
    assert np.array_equal(from_runs(to_runs(labels), (4, 6)), labels)
    assert labels.min() >= 0


def _packed() -> str:
    """Drawn nuclei as COCO packs them."""
    counts = encode_runs(Drawn(0, 0, drawn_nuclei()[1] > 0), SHAPE)
    text = ""
    for number, count in enumerate(counts):
        value, more = count - counts[number - 2] if number > 2 else count, True
        while more:
            code, value = value & 31, value >> 5
            more = value != (-1 if code & 16 else 0)
            text += chr(48 + (code | (32 if more else 0)))
    return text


TARGETS = (
    _target("choices", _choices, "DAPI\nmax\n1:4\n0", "0\n1\neach\neach", "01\nfocus\n:3\nA"),
    _target("plate-names", _plate_names, *(pattern.example for pattern in PATTERNS)),
    _target("plate-pattern", _pattern, r"(?P<plate>.+)_(?P<well>[A-P]\d\d)_f(?P<field>\d)_.*",
            r"(?P<row>\w)(?P<column>\d\d)\.tif"),
    _target("manifest-regions", _cell, "0:0:64:64 10:100:90:200"),
    _target("shard", _shard, "2/4"),
    _target("predict-flags", _arguments(predict), "a.tif\n--out\no\n--tile=512\n--z\nmax"),
    _target("train-flags", _arguments(train), "nuclei\n--data\nd\n--out=o\n--set=a=1\n--set\nb=2"),
    _target("coco-counts", _counts, _packed(), "PPYo1"),
    _target("journal-runs", _runs, "0,10,7,4,0,10"),
)  # fmt: skip
