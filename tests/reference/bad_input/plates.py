"""Plates: `nucseg plate in`, and a run over one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import tifffile
from reference.bad_input.case import Case
from reference.bad_input.images import grey

FIELDS = [f"P_{well}_T0001F{n:03d}L01A01Z01C01.tif" for well in ("A01", "A02") for n in (1, 2)]


def plate(
    what: str,
    says: tuple[str, ...],
    code: int,
    names: Sequence[str] = FIELDS,
    argv: str = "plate in",
    change: Callable[[Path], object] = lambda folder: None,
) -> Case:
    """A folder of a plate's files."""

    def draw(folder: Path) -> None:
        for name in names:
            file = folder / "in" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(file, grey())
        if (folder / "in").is_dir():
            change(folder / "in")

    return Case(what, argv, code, says, draw)


LOOK = (
    plate(
        "a well without a field that others have",
        ("Missing or odd", "without field 2"),
        0,
        FIELDS[:3],
    ),
    plate("names of no known kind", ("in", "--pattern"), 2, ["one.tif", "two.tif"]),
    plate(
        "two files of one field", ("both are well A01, field 1",), 1, [*FIELDS, f"copy/{FIELDS[0]}"]
    ),
    plate(
        "two plates in a folder",
        ("in",),
        1,
        [*FIELDS, *(name.replace("P_", "Q_") for name in FIELDS)],
    ),
    plate(
        "no images",
        ("in: no images",),
        2,
        ("sub/notes.tif",),
        change=lambda folder: (folder / "sub" / "notes.tif").rename(folder / "notes.txt"),
    ),
    plate("a folder that is not there", ("none: no such folder",), 2, argv="plate none"),
    plate(
        "an image of 0 bytes",
        ("image unknown", "cannot be read"),
        0,
        change=lambda folder: (folder / FIELDS[0]).write_bytes(b""),
    ),
    plate(
        "images of another size",
        ("Missing or odd", "A02"),
        0,
        argv="plate in --sizes",
        change=lambda folder: tifffile.imwrite(folder / FIELDS[3], grey()[:20]),
    ),
    plate(
        "a pattern that is no regular expression",
        ("--pattern: is no regular expression",),
        2,
        argv="plate in --pattern '('",
    ),
    plate(
        "a pattern with an unknown group",
        ("--pattern: unknown group wel; did you mean 'well'?",),
        2,
        argv="plate in --pattern '(?P<wel>.+)'",
    ),
    plate(
        "a pattern that does not say the well",
        ("--pattern: does not say which well a file is of",),
        2,
        argv="plate in --pattern x",
    ),
    plate(
        "a pattern that matches nothing",
        ("--pattern",),
        2,
        argv="plate in --pattern 'x(?P<well>.+)'",
    ),
    plate(
        "-1 columns",
        ("--columns: expected 1 or more. Received: -1",),
        2,
        argv="plate in --columns -1",
    ),
)
RUN = "predict in --pattern auto --out out"
RUNS = (
    plate(
        "a field of 0 bytes",
        (FIELDS[1], "0 bytes"),
        3,
        argv=RUN,
        change=lambda folder: (folder / FIELDS[1]).write_bytes(b""),
    ),
    plate(
        "a channel that no field has",
        ("--channel 7 is out of range",),
        2,
        argv=RUN + " --channel 7",
    ),
    plate("names of no known kind", ("in", "--pattern"), 2, ["one.tif", "two.tif"], argv=RUN),
    plate(
        "report of a folder without results",
        ("in: holds neither run.json", "expected the output folder"),
        1,
        argv="report in",
    ),
    plate("report of a folder that is not there", ("none: no such folder",), 2, argv="report none"),
    plate("merge of a folder without results", ("in: has no run.json",), 1, argv="merge in"),
    plate("merge of a folder that is not there", ("none: no such folder",), 2, argv="merge none"),
    plate(
        "merge of a record that is no JSON",
        ("in/run.json: is no record of a run", "Run it again"),
        1,
        argv="merge in",
        change=lambda folder: (folder / "run.json").write_text("{no"),
    ),
    plate(
        "merge of shards of which one is missing",
        ("of 2 shards, 2 are missing", "--shard 2/2"),
        2,
        argv="merge in",
        change=lambda folder: (folder / "run-1of2.json").write_text("{}"),
    ),
    plate(
        "report of a record that is no JSON",
        ("in/run.json",),
        1,
        argv="report in",
        change=lambda folder: (folder / "run.json").write_text("{no"),
    ),
    plate(
        "report of a benchmark that is no JSON",
        ("in/benchmark.json",),
        1,
        argv="report in",
        change=lambda folder: (folder / "benchmark.json").write_text("{no"),
    ),
    plate("compare with a folder without a benchmark", ("in",), 1, argv="compare in"),
)
GROUPS = {"Plates: `nucseg plate`": LOOK, "Runs, and what they left": RUNS}
