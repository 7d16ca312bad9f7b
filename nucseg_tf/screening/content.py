"""What the page of a run shows, as numbers: its script draws nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nucseg_tf.inference.fields import FLAGS, MEASURES, flag_fields, numbers_of
from nucseg_tf.screening.aggregate import aggregate, measured_columns
from nucseg_tf.screening.pictures import find_pictures
from nucseg_tf.screening.results import Results
from nucseg_tf.screening.wells import Metric, Unit, find_metrics, find_units, plate_shape, title

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


def find_content(results: Results) -> dict[str, Any]:
    """Plates, wells, fields and what is known of them, fit for JSON.

    Raises:
        DataError: the table cannot be used.
    """
    kinds, entries = results.kinds, results.entries
    found = aggregate(results.table, kinds, _histograms(measured_columns(kinds)))
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
