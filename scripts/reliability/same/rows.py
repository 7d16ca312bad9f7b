"""Rows of the page: what was varied, how much was compared, and how much of it differs.

Each is written to a file as soon as it is known, so that a run that was stopped goes on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

BEGIN, END = "<!-- {0}: written by scripts/reliability/determinism.py -->", "<!-- end of {0} -->"
TITLES = ("What is varied", "Compared", "Differ", "Largest difference")


@dataclass(frozen=True)
class Row:
    """What came of one variation.

    Attributes:
        varied: in words.
        compared: how many of what, in words.
        differ: how many of these, in words; "none" if all are equal to the last bit.
        largest: difference, in words; "" without one.
    """

    varied: str
    compared: str
    differ: str = "none"
    largest: str = ""

    def line(self) -> str:
        """Of the table."""
        return f"| {self.varied} | {self.compared} | {self.differ} | {self.largest or '0'} |"


def known(folder: Path, name: str, make: Callable[[], Row]) -> Row:
    """A row that an earlier run left in the folder, or a new one."""
    file = folder / f"{name}.json"
    if file.is_file():
        return Row(**json.loads(file.read_text(encoding="utf-8")))
    print(name, flush=True)
    row = make()
    temporary = file.with_suffix(".new")
    temporary.write_text(json.dumps(asdict(row), indent=1) + "\n", encoding="utf-8")
    temporary.replace(file)
    return row


def with_tables(page: str, tables: Mapping[str, list[Row]]) -> str:
    """The page with the tables between the markers of their names; others stay."""
    for name, rows in tables.items():
        begin, end = BEGIN.format(name), END.format(name)
        head = ["| " + " | ".join(TITLES) + " |", "|" + "---|" * len(TITLES)]
        text = "\n".join([begin, "", *head, *(row.line() for row in rows), "", end])
        between = re.escape(begin) + ".*" + re.escape(end)
        page, count = re.subn(between, lambda _, text=text: text, page, flags=re.DOTALL)
        if count != 1:
            raise SystemExit(f"the page has no place for the table {name!r}: {begin}")
    return page
