"""The report of a run: report.html, one page beside the results.

All numbers are in the page, as JSON that its script draws; nothing is fetched from a network.
Pictures are the thumbnails beside it, so the folder moves as a whole.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from nucseg_tf.evaluation.markup import cell, table
from nucseg_tf.inference import fields as thresholds
from nucseg_tf.inference.fields import FLAGS, MEASURES, flag_fields, numbers_of
from nucseg_tf.io.files import atomic_path
from nucseg_tf.screening.aggregate import Aggregate, aggregate, measured_columns
from nucseg_tf.screening.pictures import find_pictures
from nucseg_tf.screening.results import Results, read_results
from nucseg_tf.screening.wells import (
    Metric,
    Unit,
    find_metrics,
    find_units,
    place_of,
    plate_shape,
    title,
)

NAME = "report.html"
LABELS = {
    "score": "Score",
    "area_px": "Area (px)",
    "area_um2": "Area (µm²)",
    "mean_intensity": "Mean intensity",
    "intensity_mean": "Mean intensity, only channel",
    "integrated_intensity": "Integrated intensity",
    "perimeter": "Perimeter (px)",
    "major_axis": "Major axis (px)",
    "minor_axis": "Minor axis (px)",
    "feret_max": "Largest diameter (px)",
    "ring_area_px": "Area of the ring (px)",
    "neighbours": "Neighbours",
    "focus": "Focus",
    "saturated": "Saturated pixels (share)",
    "uneven": "Unevenness of the background (contrasts)",
    "debris": "Debris (share of objects)",
    "covered": "Covered by nuclei (share)",
    "median_area_px": "Median area of a field (px)",
}
CHANNEL, RING = "_mean", "_ring_mean"  # ends of columns: of a channel in nuclei, and around them
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
    kinds = results.kinds
    found = aggregate(results.table, kinds, _histograms(measured_columns(kinds)))
    content = _content(results, found)
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
        temporary.write_text(text, encoding="utf-8")
    return folder / NAME


def _content(results: Results, found: Aggregate) -> dict[str, Any]:
    """What the script draws."""
    entries = results.entries
    flags = flag_fields(entries)
    units = find_units(entries)
    metrics = find_metrics(entries, units, flags, found, label_of)
    return {
        "plates": _plates(units, results.record.get("plates") or {}),
        "units": [_unit(unit) for unit in units],
        "metrics": [_metric(metric) for metric in metrics],
        "glance": _glance(metrics),
        "histograms": [
            {"label": label_of(name), "edges": _plain(edges), "counts": counts}
            for name, histogram in found.histograms.items()
            for edges, counts in [histogram.bars()]
            if counts
        ],
        "flags": list(FLAGS),
        "measures": [{"key": name, "label": label_of(name)} for name in MEASURES],
        "fields": _fields(entries, flags, find_pictures(results.folder, entries)),
    }


def label_of(column: str) -> str:
    """What people call a column."""
    if column in LABELS:
        return LABELS[column]
    if _is_channel(column):
        return f"Mean intensity, {column.removesuffix(CHANNEL)}"
    return column.replace("_", " ").capitalize() if column.islower() else column.replace("_", " ")


def _is_channel(column: str) -> bool:
    """Whether it is the mean intensity of a channel in nuclei."""
    return column.endswith(CHANNEL) and not column.endswith(RING)


def _histograms(columns: Sequence[str]) -> list[str]:
    """Columns that have a histogram: areas and intensities."""
    channels = [name for name in columns if _is_channel(name)]
    wanted = ["area_um2", "area_px", *(channels or ["mean_intensity"])]
    return [name for name in wanted if name in columns]


def _glance(metrics: Sequence[Metric]) -> list[dict[str, str]]:
    """Metrics that are drawn small, with the statistic of each."""
    keys = [metric.key for metric in metrics]
    area = "area_um2" if "area_um2" in keys else "area_px"
    channels = [key for key in keys if _is_channel(key)] or ["mean_intensity"]
    wanted = [("count", "mean"), (area, "median"), *((key, "median") for key in channels)]
    wanted += [("flagged", "mean"), ("quality focus", "median")]
    return [{"key": key, "statistic": each} for key, each in wanted if key in keys]


def _plates(units: Sequence[Unit], known: Mapping[str, Sequence[int]]) -> list[dict[str, Any]]:
    """Plates and how many rows and columns they have, as run.json says or wells suggest."""
    plates = []
    for name in dict.fromkeys(unit.plate for unit in units if unit.place):
        places = [unit.place for unit in units if unit.plate == name and unit.place]
        least = plate_shape(places)
        rows, columns = known.get(name) or least
        far = any(row > rows or column > columns for row, column in places)
        rows, columns = least if far else (rows, columns)
        plates.append({"name": name, "rows": rows, "columns": columns})
    return plates


def _unit(unit: Unit) -> dict[str, Any]:
    return {"name": unit.name, "plate": unit.plate, "place": unit.place, "fields": unit.fields}


def _metric(metric: Metric) -> dict[str, Any]:
    values = {name: _plain(getattr(metric, name)) for name in ("mean", "median", "n")}
    return {"key": metric.key, "label": metric.label, "of": metric.of, **values}


def _fields(
    entries: Sequence[Mapping[str, Any]],
    flags: Sequence[Sequence[str]],
    pictures: Sequence[str | None],
) -> list[dict[str, Any]]:
    return [
        {
            "image": title(entry),
            "plate": str(entry.get("plate", "")),
            "well": str(entry.get("well", "")),
            "field": str(entry.get("field", "")),
            "nuclei": entry["nuclei"],
            "measures": _plain([_or_nan(numbers_of(entry).get(name)) for name in MEASURES]),
            "flags": [FLAGS.index(flag) for flag in found],
            "picture": picture,
        }
        for entry, found, picture in zip(entries, flags, pictures, strict=True)
    ]


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _plain(values: Iterable[float]) -> list[float | None]:
    """Numbers with five digits, for JSON, which has no NaN."""
    return [float(f"{value:.5g}") if math.isfinite(value) else None for value in values]


def _embedded(content: Mapping[str, Any]) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
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
