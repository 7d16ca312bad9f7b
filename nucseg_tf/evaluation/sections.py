"""Sections of the report of a benchmark: tables and pictures as HTML, from the saved scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from nucseg_tf.evaluation.benchmark import failures, left_out
from nucseg_tf.evaluation.markup import (
    UNDEFINED,
    cell,
    figure,
    number,
    signed,
    table,
    with_interval,
)
from nucseg_tf.evaluation.panels import SIDE
from nucseg_tf.registry import FAMILIES

TABLE_KEYS = ("0.70", "0.90")  # thresholds of the paper's tables
ERROR_COLUMNS = {
    "Missed, %": "false_negatives",
    "Extra, %": "false_positives",
    "Split, %": "splits",
    "Merged, %": "merges",
}
OUTLINE_COLUMNS = {
    "Boundary distance, px": "boundary_distance",
    "Mean IoU": "mean_matched_iou",
    "PQ": "pq",
}
RUN_COLUMNS = {
    "run": "Method",
    "kind": "Kind",
    "family": "Family",
    "source": "From",
    "sha256": "SHA-256 of the model",
}


def introduction(result: Mapping[str, Any]) -> str:
    """What was compared on which images, and when."""
    names = [f"<b>{escape(name)}</b>" for name in result["entries"]]
    first = result["runs"][0]["run"]
    data = Path(result["data"]).name + (f" ({result['split']})" if result["split"] else "")
    nuclei = sum(row["n_truth"] for row in result["scores"] if row["run"] == first)
    note = f" <b>{escape(result['note'])}</b>" if result.get("note") else ""
    return (
        f"{', '.join(names)} on {len(result['images'])} images of <b>{escape(data)}</b>, in which "
        f"{nuclei} nuclei were annotated (ground truth, true nuclei). Made on "
        f"{escape(result['created'][:10])} with nucseg_tf {escape(result['nucseg_tf'])}.{note}"
    )


def failure_table(result: Mapping[str, Any]) -> str:
    """Images without a usable prediction; empty where every one had one."""
    failed = failures(result)
    if not failed:
        return ""
    rows = [[cell(row["run"]), cell(row["image"]), cell(row["reason"])] for row in failed]
    return (
        f'<div class="failed"><p><b>{len(failed)} without a usable prediction.</b> All nuclei of '
        f"these images count as missed.</p>{table(['Entry', 'Image', 'Reason'], rows, 3)}</div>"
    )


def left_out_table(result: Mapping[str, Any]) -> str:
    """Tools that could not be run; empty where all could."""
    rows = [[cell(row["run"]), cell(row["reason"])] for row in left_out(result)]
    if not rows:
        return ""
    return (
        '<div class="failed"><p><b>Left out, for they could not be run here.</b> This says nothing '
        f"of how good they are.</p>{table(['Tool', 'Reason'], rows, 2)}</div>"
    )


def score_table(result: Mapping[str, Any]) -> str:
    """Rows groups, columns entry x threshold, as the paper's tables; then what the group is."""
    entries = result["entries"]
    above = "<th></th>" + "".join(
        f'<th colspan="{len(TABLE_KEYS)}">F1 of {escape(entry)}</th>' for entry in entries
    )
    about = ["Mean diameter, px", "One-pixel IoU", "Images", "Nuclei"]
    scores: dict[str, list[str]] = {}
    ends: dict[str, list[str]] = {}
    for part in result["summary"]:
        row = scores.setdefault(part["group"], [cell(part["group"])])
        row += [_score(part, f"f1_{key}", 3) for key in TABLE_KEYS]
        size = [number(part["mean_diameter"], 1), number(part["one_pixel_iou"], 3)]
        ends[part["group"]] = [*size, str(part["images"]), str(part["nuclei"])]
    thresholds = [f"IoU {key[:-1]}" for _ in entries for key in TABLE_KEYS]
    rows = [row + ends[group] for group, row in scores.items()]
    above += f'<th colspan="{len(about)}"></th>'
    return table(["Group", *thresholds, *about], rows, above=above)


def long_table(parts: Sequence[Mapping[str, Any]], columns: Mapping[str, str], digits: int) -> str:
    """A row for each group and entry, a column for each score."""
    rows = [
        [
            *(cell(part["group"]), cell(part["entry"])),
            *(_score(part, name, digits) for name in columns.values()),
            number(part["mean_diameter"], 1),
        ]
        for part in parts
    ]
    return table(["Group", "Method", *columns, "Mean diameter, px"], rows, 2)


def _score(part: Mapping[str, Any], name: str, digits: int) -> str:
    """A score with its interval, and in how many runs it is defined where not in all."""
    defined = part.get("defined", {}).get(name)
    note = "" if defined is None else f"{defined} of {part['runs']} runs"
    return with_interval(part["scores"][name], digits, note)


def count_table(parts: Sequence[Mapping[str, Any]]) -> str:
    """True and predicted counts of nuclei, and how far they differ per image."""
    columns = ["Group", "Method", "True nuclei", "Predicted", "Bias per image"]
    rows = []
    for part in parts:
        counts = part["counts"]
        limits = f"{signed(counts['low'])} to {signed(counts['high'])}"
        rows.append(
            [
                *(cell(part["group"]), cell(part["entry"]), str(part["nuclei"])),
                *(number(part["predicted"], 1 if part["runs"] > 1 else 0),),
                *(signed(counts["bias"]), UNDEFINED if counts["low"] is None else limits),
            ]
        )
    return table([*columns, "Limits of agreement"], rows, 2)


def _computed_by(cost: dict[str, Any]) -> str:
    """Device, engine and precision; benchmarks of earlier versions know the first alone."""
    return ", ".join(cost[key] for key in ("device", "engine", "precision") if key in cost)


def cost_table(runs: Sequence[Mapping[str, Any]]) -> str:
    """Time and memory of each model; empty where none was timed."""
    rows = []
    for run in (run for run in runs if run["cost"]):
        cost = run["cost"]
        rows.append(
            [
                *(
                    cell(run["run"]),
                    number(cost["seconds"] / cost["mpx"] if cost["mpx"] else None, 2),
                ),
                *(number(cost["loading_s"], 1), number(cost["memory_mb"], 0)),
                *(number(cost["gpu_memory_mb"], 0), cell(_computed_by(cost)), str(cost["images"])),
            ]
        )
    if not rows:
        return ""
    columns = ["Model", "Seconds per Mpx", "Loading, s", "Peak memory, MB", "Peak GPU memory, MB"]
    return (
        "<h2>Time and memory</h2><p>Lower is better. <b>Seconds per megapixel</b>, from pixels in "
        "memory to labels in memory: normalisation, network and decoding. Each of the images "
        "timed is predicted twice in a row and the second time counts, so that loading the model, "
        "compiling it for that size of image, reading and writing files are left out. <b>Peak "
        "memory</b> is that of the model's own process, libraries included. Compare figures of "
        f"one machine only.</p>{table([*columns, 'Device', 'Images timed'], rows)}"
    )


def panels(folder: Path, result: Mapping[str, Any]) -> str:
    """Truth, predictions and differences of a few images."""
    sections = []
    cropped = {
        image["image"] for image in result["images"] if max(image["height"], image["width"]) > SIDE
    }
    for image, why in result["panels"].items():
        nuclei = next(row["n_truth"] for row in result["scores"] if row["image"] == image)
        where = " (whole image; its middle is shown)." if image in cropped else "."
        text = f"{nuclei} nuclei{where}"
        pictures = [figure(folder / image / "truth.png", "Ground truth:", text)]
        for entry in result["entries"]:
            row = next(
                row for row in result["scores"] if (row["entry"], row["image"]) == (entry, image)
            )
            missed, extra = row["false_negatives"], row["false_positives"]
            texts = {
                "prediction": f"{row['n_pred']} nuclei{where}",
                "difference": f"{missed} missed, {extra} extra{where}",
            }
            pictures += [
                figure(folder / image / f"{entry}_{kind}.png", f"{entry}, {kind}:", text)
                for kind, text in texts.items()
            ]
        title = f"{escape(image)} ({escape(why)})"
        sections.append(f'<h3>{title}</h3><div class="panels">{"".join(pictures)}</div>')
    return "".join(sections)


def details(result: Mapping[str, Any]) -> str:
    """The runs, and the options of prediction."""
    titles = {name: family.title for name, family in FAMILIES.items()}
    runs = [run | {"family": titles.get(run["family"], run["family"])} for run in result["runs"]]
    rows = [[cell(run[key] or UNDEFINED) for key in RUN_COLUMNS] for run in runs]
    options = {name: value for name, value in result["options"].items() if value is not None}
    settings = ", ".join(f"{name} {value}" for name, value in options.items())
    return (
        f"{table(list(RUN_COLUMNS.values()), rows, 5)}"
        f"<p>Options of prediction: {escape(settings) or 'none'}. Data: "
        f"<code>{escape(result['data'])}</code>.</p>"
    )
