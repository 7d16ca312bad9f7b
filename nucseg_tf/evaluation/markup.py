"""Pieces of HTML: tables, pictures inside the page, numbers."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from nucseg_tf.errors import DataError

UNDEFINED = "n/a"
Cells = Sequence[str]  # HTML


def table(columns: Cells, rows: Sequence[Cells], names: int = 1, above: str = "") -> str:
    """An HTML table; the first `names` columns are text, `above` stands over the heads."""

    def line(cells: Cells, tag: str) -> str:
        starts = [f'<{tag} class="name">' if n < names else f"<{tag}>" for n in range(len(cells))]
        return "".join(f"{s}{text}</{tag}>" for s, text in zip(starts, cells, strict=True))

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    above = f"<tr>{above}</tr>" if above else ""
    head = f"<thead>{above}<tr>{line(columns, 'th')}</tr></thead>"
    return f'<div class="scroll"><table>{head}<tbody>{body}</tbody></table></div>'


def figure(path: Path, title: str, caption: str) -> str:
    """A picture inside the page, with its caption; DataError where its file is missing."""
    kind = {".svg": "svg+xml", ".png": "png"}[path.suffix]
    try:
        data = base64.b64encode(path.read_bytes()).decode()
    except OSError as error:
        raise DataError(f"{path}: is part of the report; repeat the benchmark: {error}") from error
    return (
        f'<figure><img alt="{escape(title)}" src="data:image/{kind};base64,{data}">'
        f"<figcaption><b>{escape(title)}</b> {escape(caption)}</figcaption></figure>"
    )


def cell(text: Any) -> str:
    """Text, escaped."""
    return escape(str(text))


def number(value: float | None, digits: int) -> str:
    """A number with so many decimals; None is UNDEFINED."""
    return UNDEFINED if value is None else f"{value:.{digits}f}"


def signed(value: float | None) -> str:
    """A number with its sign and one decimal; None is UNDEFINED."""
    return UNDEFINED if value is None else f"{value:+.1f}"


def with_interval(triple: Sequence[float | None], digits: int, note: str = "") -> str:
    """A value, below it the ends of its interval, and below these a note."""
    value, low, high = (number(part, digits) for part in triple)
    if value == UNDEFINED:
        return value
    ends = low if low == UNDEFINED else f"{low} to {high}"
    return f"{value}<small>{ends}</small>" + (f"<small>{escape(note)}</small>" if note else "")
