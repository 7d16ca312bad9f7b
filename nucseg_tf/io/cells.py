"""Text in cells of CSV tables that no spreadsheet takes for a formula.

Excel and its like run a cell that begins with one of `SIGNS`, also where it is the name of a file.
Such text gets an apostrophe in front, which says that it is text; `from_cell` takes it off again,
so that names in our own tables are those of the files. Numbers keep their sign. Names of files need
not be UTF-8; bytes that are not are told as `\\udcff`.
"""

from __future__ import annotations

import re

SIGNS = "=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20"  # the last four as wide as Chinese signs
_FIRST = frozenset(SIGNS) - {"\\"} | {"'"}
_RISKY = re.compile(f"'*[{SIGNS}]")
_GUARDED = re.compile(f"'+[{SIGNS}]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|nan)")


def as_cell(text: str) -> str:
    """Text for a cell.

    >>> as_cell("=1+1"), as_cell("a-1"), as_cell("-1.5"), as_cell("'=1")
    ("'=1+1", 'a-1', '-1.5', "''=1")
    """
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    if text[:1] not in _FIRST:  # nearly all
        return text
    return f"'{text}" if _RISKY.match(text) and not _NUMBER.fullmatch(text) else text


def from_cell(cell: str) -> str:
    """The text that `as_cell` was given; others as they are.

    >>> from_cell("'=1+1"), from_cell("''=1"), from_cell("'a'"), from_cell("=1")
    ('=1+1', "'=1", "'a'", '=1')
    """
    return cell[1:] if _GUARDED.match(cell) else cell
