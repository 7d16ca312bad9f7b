"""The report of a run: report.html, one page beside the results.

All numbers are in the page, as JSON that its script draws; nothing is fetched from a network.
Pictures are the thumbnails beside it, so the folder moves as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from nucseg_tf.evaluation.markup import cell, table
from nucseg_tf.inference import fields as thresholds
from nucseg_tf.inference.fields import flag_fields
from nucseg_tf.io.files import atomic_path
from nucseg_tf.screening.content import find_content
from nucseg_tf.screening.results import Results, read_results
from nucseg_tf.screening.wells import place_of

NAME = "report.html"
FAILURES = 200  # that are shown; failures.csv has all


def write_report(folder: Path) -> Path:
    """Write report.html into a folder of results of `nucseg predict`.

    Args:
        folder: holds run.json and objects.csv or objects.parquet; pictures are NAME_thumbnail.jpg.

    Returns:
        The report.

    Raises:
        DataError: run.json or the table cannot be used.
        OutputError: the report cannot be written.
    """
    results = read_results(folder)
    content = find_content(results)
    part = files(__package__)
    texts = {
        name: (part / f"report.{name}").read_text(encoding="utf-8")
        for name in ("html", "css", "js")
    }
    text = Template(texts["html"]).substitute(
        style=texts["css"],
        script=texts["js"],
        data=_embedded(content),
        title=escape(_title(content["plates"], folder)),
        introduction=_introduction(results),
        failures=_failures(results.record["failures"]),
        flags=_flag_texts(),
    )
    with atomic_path(folder / NAME) as temporary:
        # Names of files need not be text; what is not, is shown as a question mark.
        temporary.write_text(text, encoding="utf-8", errors="replace")
    return folder / NAME


def _embedded(content: Mapping[str, Any]) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _title(plates: Sequence[Mapping[str, Any]], folder: Path) -> str:
    if len(plates) == 1 and plates[0]["name"]:
        return f"Plate {plates[0]['name']}"
    return f"{len(plates)} plates" if len(plates) > 1 else f"Nuclei of {folder.resolve().name}"


def _introduction(results: Results) -> str:
    """Cards with the numbers of the run, and what it was done with."""
    entries, record = results.entries, results.record
    wells = {(str(e.get("plate", "")), place) for e in entries if (place := place_of(e))}
    lost = sum(place_of(entry) is None for entry in entries) if wells else 0
    flagged = sum(bool(flags) for flags in flag_fields(entries))
    cards = [
        ("wells", len(wells)),
        ("fields" if wells else "images", len(entries)),
        ("nuclei", sum(entry["nuclei"] for entry in entries)),
        ("flagged", flagged),
        ("failed", len(record["failures"])),
        ("not done yet", len(record.get("left_out", ()))),
        ("in no well", lost),
    ]
    always = ("fields", "images", "nuclei", "flagged", "failed")
    shown = [(name, number) for name, number in cards if number or name in always]
    boxes = "".join(f"<div><b>{number:,}</b>{escape(name)}</div>" for name, number in shown)
    when = record.get("started") or record.get("written") or "an unknown time"
    model = escape(str(record["model"].get("name", "unknown")))
    version = (record.get("versions") or {}).get("nucseg_tf", "")
    return (
        f"<p>Model <b>{model}</b>, {escape(str(when).replace('T', ' '))}"
        f'{escape(f", nucseg_tf {version}" if version else "")}</p><div class="cards">{boxes}</div>'
    )


def _failures(failures: Sequence[Mapping[str, str]]) -> str:
    if not failures:
        return ""
    rows = [[cell(each["image"]), cell(each["reason"])] for each in failures[:FAILURES]]
    more = len(failures) - len(rows)
    rest = f"<p>And {more:,} more, in failures.csv.</p>" if more else ""
    return (
        f'<section class="failed"><h2>{len(failures):,} failed</h2>'
        f"<p>These images are in no number of this page.</p>"
        f"{table(['Image', 'Reason'], rows, names=2)}{rest}</section>"
    )


def _flag_texts() -> str:
    """A definition list of the flags, with the thresholds in use."""
    t = thresholds
    texts = {
        t.EMPTY: f"no nucleus, or fewer than {t.ALMOST:.0%} of the plate's median count",
        t.UNFOCUSED: (
            f"focus below {t.LEAST_FOCUS}, or below {t.LEAST_SHARE:.0%} of the plate's median; "
            "about 1 is sharp, and in an out-of-focus field the edges of nuclei are soft"
        ),
        t.SATURATED: f"more than {t.MOST_SATURATED:.1%} of the pixels at the camera's ceiling",
        t.DEBRIS: (
            f"more than {t.MOST_DEBRIS:.0%} of the bright objects are specks, or nuclei of a low "
            "score or an implausible size"
        ),
        t.UNEVEN: f"the background changes by more than {t.MOST_UNEVEN:.0%} of a nucleus' contrast",
        f"{t.FEW}, {t.MANY}": (
            f"more than {t.FAR} robust standard deviations from the plate's median count. "
            "This may well be what a treatment did"
        ),
    }
    items = (f"<dt>{escape(name)}</dt><dd>{escape(text)}.</dd>" for name, text in texts.items())
    return f"<dl>{''.join(items)}</dl>"
