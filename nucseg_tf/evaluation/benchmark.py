"""Scores models, other tools and label images of others side by side on one data set.

Writes into the output folder:

    benchmark.json      everything the report is made of
    scores.csv          a row per image and run
    summary.csv         a row per group, entry and score, with its interval
    failures.csv        images without a usable prediction, and tools left out, if there are any
    predictions/RUN/    label images of each model and tool, which an interrupted benchmark keeps
    panels/             pictures of a few images
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nucseg_tf import __version__
from nucseg_tf.data.fields import read_masks
from nucseg_tf.errors import DataError, PeerError, UsageError
from nucseg_tf.evaluation.dataset import benchmark_fields, describe
from nucseg_tf.evaluation.entries import Run, check_model
from nucseg_tf.evaluation.label_sets import Labels, find_labels, read_prediction
from nucseg_tf.evaluation.panels import choose_images, write_panels
from nucseg_tf.evaluation.peers.run import check_peer, predict_peer
from nucseg_tf.evaluation.peers.table import PEERS
from nucseg_tf.evaluation.predictions import Made, Stopped, predict_model
from nucseg_tf.evaluation.summary import KEYS, f1, score_labels, summarise_benchmark
from nucseg_tf.evaluation.worker import labels_file
from nucseg_tf.io.files import atomic_path, ensure_folder, remove_temporaries
from nucseg_tf.io.tables import without_formulas
from nucseg_tf.types import Field

LOG = logging.getLogger(__name__)
FORMAT = 1
PARTS = (  # of benchmark.json
    *("nucseg_tf", "created", "data", "split", "options", "entries", "runs", "images"),
    *("scores", "summary", "panels"),
)


def run_benchmark(
    data: Path,
    out: Path,
    runs: Sequence[Run],
    *,
    options: Mapping[str, Any],
    split: str | None = None,
    groups: Path | None = None,
    note: str = "",
    models_dir: Path | None = None,
    loading: Mapping[str, Any] | None = None,
    split_binary: bool = False,
    progress: Callable[[int, int, str], bool] = lambda done, total, name: True,
) -> dict[str, Any] | None:
    """Predict, score and summarise.

    An image without a usable prediction counts as one in which every nucleus was missed. A tool
    that cannot be run is left out.

    Args:
        data: data set, see `dataset.benchmark_fields`.
        out: folder for the results.
        runs: from `entries.parse_entries`.
        options: of `inference.options.Options`, for all models.
        split: see `dataset.benchmark_fields`.
        groups: see `dataset.benchmark_fields`.
        note: what a reader of the report must know of the images.
        models_dir: folder to search for models by name first.
        loading: engine, precision and device, of `inference.segmenter.load_model`.
        split_binary: whether each connected piece of a mask of two values is a nucleus, of truth
            and of labels that others made.
        progress: called after each step with its number, the count and what was done; says whether
            to go on.

    Returns:
        What benchmark.json holds; None if stopped by `progress`.

    Raises:
        DataError: the data set cannot be used, or a folder of labels has none of its images.
        ModelError: a model is missing or damaged.
        PeerError: there are tools alone, and none can be run.
        UsageError: options that make no sense.
    """
    models = {run.name: check_model(run, models_dir) for run in runs if run.kind == "model"}
    fields = benchmark_fields(data, split, groups)
    found = {run.name: find_labels(run, fields) for run in runs if run.kind == "labels"}
    images = describe(fields, (options["channel"], options["z"]), split_binary)
    remove_temporaries(ensure_folder(out))
    for part in ("predictions", "panels", "figures"):
        remove_temporaries(out / part, deep=True)
    peers = [run for run in runs if run.kind == "peer"]
    total, done = len(fields) * (len(runs) + len(models) + len(peers)), 0

    def tick(what: str, image: str) -> None:
        nonlocal done
        done += 1
        if not progress(done, total, f"{what} {image}"):
            raise Stopped

    def keep(name: str, made: Made) -> None:
        costs[name] = made.cost
        folder = out / "predictions" / name
        found[name] = {
            field.name: made.failures.get(field.name) or labels_file(folder, field.name)
            for field in fields
        }

    costs: dict[str, Any] = {}
    unusable: dict[str, str] = {}
    ordered = _largest_first(fields, images)
    rows = []
    try:
        for name, model in models.items():
            made = predict_model(
                out / "predictions" / name,
                (model["folder"], model["sha256"]),
                ordered,
                options,
                loading or {},
                partial(tick, f"{name}: predicted"),
            )
            keep(name, made)
        for run in peers:
            device = (loading or {}).get("device", "auto")
            folder, told = out / "predictions" / run.name, partial(tick, f"{run.name}: predicted")
            before = done
            try:
                known = check_peer(run)
                keep(run.name, predict_peer(folder, run, known, ordered, options, device, told))
            except PeerError as error:
                LOG.error("left out: %s", error)
                unusable[run.name] = str(error)
                total -= 2 * len(fields) - (done - before)
        runs = [run for run in runs if run.name not in unusable]
        if not runs:
            raise PeerError(f"nothing could be run. {' '.join(unusable.values())}")
        for field in fields:
            truth = read_masks(field, split_binary)
            for run in runs:
                file = found[run.name][field.name]
                rows.append(_score(run, field, truth, file, split_binary))
                tick(f"{run.name}: scored", field.name)
    except Stopped:
        return None
    table = pd.DataFrame(rows)
    names = list(dict.fromkeys(run.entry for run in runs))
    result = {
        "format": FORMAT,
        "nucseg_tf": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": str(data),
        "split": split,
        "note": note,
        "options": dict(options) | ({"split_binary": True} if split_binary else {}),
        "entries": names,
        "runs": [_describe(run, models.get(run.name), costs.get(run.name)) for run in runs],
        "images": images,
        "scores": table.to_dict("records"),
        "summary": summarise_benchmark(table, names),
        "panels": choose_images(table),
    }
    if unusable:
        result["left_out"] = [{"run": name, "reason": why} for name, why in unusable.items()]
    for name in ("report.html", "benchmark.json"):  # an earlier one's; what follows is of this one
        (out / name).unlink(missing_ok=True)
    _write_panels(out / "panels", result["panels"], runs, fields, found, result["options"])
    _write(out, result, table)
    return result


def read_benchmark(folder: Path) -> dict[str, Any]:
    """Read benchmark.json.

    Raises:
        UsageError: there is no such folder.
        DataError: it is missing in it, damaged or of another format.
    """
    if not folder.exists():
        raise UsageError(f"{folder}: no such folder; expected the output of `nucseg benchmark`")
    path = folder / "benchmark.json"
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: cannot be read: {error}. Expected the output folder of `nucseg benchmark`"
        ) from error
    if not isinstance(result, dict) or result.get("format") != FORMAT:
        raise DataError(f"{path}: is not of format {FORMAT}; repeat the benchmark")
    missing = [part for part in PARTS if part not in result]
    if missing:
        raise DataError(f"{path}: lacks {', '.join(missing)}; repeat the benchmark")
    return result


def failures(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Run, image and reason of each image that had no usable prediction."""
    return [
        {"run": row["run"], "image": row["image"], "reason": row["failure"]}
        for row in result["scores"]
        if row["failure"]
    ]


def left_out(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Run and reason of each tool that could not be run, and has no scores."""
    return result.get("left_out", [])


def _score(
    run: Run, field: Field, truth: np.ndarray, file: Path | str, split_binary: bool
) -> dict[str, Any]:
    """One row of scores.csv."""
    prediction, failure = _prediction(run, field, truth, file, split_binary)
    if failure:
        LOG.error("%s", failure)
    row = score_labels(truth, prediction)
    head = {"entry": run.entry, "run": run.name, "image": field.name, "group": field.group}
    return {**head, **row, "failure": failure}


def _prediction(
    run: Run, field: Field, truth: np.ndarray, file: Path | str, split_binary: bool
) -> tuple[np.ndarray, str]:
    """As of `read_prediction`; what a model found as one nucleus stays one."""
    return read_prediction(file, field, truth, split_binary and run.kind == "labels")


def _largest_first(
    fields: Sequence[Field], images: Sequence[Mapping[str, Any]]
) -> dict[str, tuple[Path, str]]:
    """File and hash of each image by name, so that the one that needs most memory is timed."""
    pairs = zip(fields, images, strict=True)
    ordered = sorted(pairs, key=lambda pair: -pair[1]["height"] * pair[1]["width"])
    return {field.name: (field.image, image["sha256"]) for field, image in ordered}


def _write_panels(
    folder: Path,
    shown: Mapping[str, str],
    runs: Sequence[Run],
    fields: Sequence[Field],
    found: Mapping[str, Labels],
    options: Mapping[str, Any],
) -> None:
    """Pictures of the images shown, of the first run of each entry."""
    first = {run.entry: run for run in reversed(runs)}
    split = bool(options.get("split_binary"))
    for field in (field for field in fields if field.name in shown):
        truth = read_masks(field, split)
        predictions = (
            (entry, _prediction(run, field, truth, found[run.name][field.name], split)[0])
            for entry, run in first.items()
        )
        write_panels(folder, field, truth, predictions, options)


def _describe(run: Run, model: Mapping[str, Any] | None, cost: Any) -> dict[str, Any]:
    """What the report says of a run."""
    known = {"family": model["family"], "sha256": model["sha256"]} if model else {}
    head = {"entry": run.entry, "run": run.name, "kind": run.kind, "source": run.source}
    if run.kind == "peer":
        known = {"family": f"{PEERS[run.entry].title} {cost['version']}", "source": cost["weights"]}
    return {**head, "family": None, "sha256": None, **known, "cost": cost}


def _write(out: Path, result: Mapping[str, Any], table: pd.DataFrame) -> None:
    """Write benchmark.json and the tables."""
    table = table.assign(**{f"f1_{key}": f1(table, key) for key in KEYS})
    summary = pd.DataFrame(
        {
            **{name: part[name] for name in ("group", "entry", "images")},
            "runs": part["defined"].get(score, part["runs"]),
            "nuclei": part["nuclei"],
            **{name: part[name] for name in ("predicted", "mean_diameter", "one_pixel_iou")},
            **dict(zip(("score", "value", "low", "high"), (score, *values), strict=True)),
            "interval": part["interval"],
        }
        for part in result["summary"]
        for score, values in part["scores"].items()
    )
    for name, frame in (("scores.csv", table), ("summary.csv", summary)):
        _write_table(out / name, frame)
    failed = [*failures(result), *({"image": "", **row} for row in left_out(result))]
    (out / "failures.csv").unlink(missing_ok=True)  # of an earlier run into the same folder
    if failed:
        _write_table(out / "failures.csv", pd.DataFrame(failed))
    with atomic_path(out / "benchmark.json") as temporary:
        text = json.dumps(result, indent=1, allow_nan=False, default=_plain)
        temporary.write_text(text + "\n", encoding="utf-8")


def _write_table(path: Path, table: pd.DataFrame) -> None:
    with atomic_path(path) as temporary:
        without_formulas(table).to_csv(temporary, index=False)


def _plain(value: Any) -> Any:
    """NumPy numbers as Python's."""
    return value.item()
