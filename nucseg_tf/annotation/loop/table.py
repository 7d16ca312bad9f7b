"""`nucseg loop status` as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FIELDS = 3  # to correct next
COLUMNS = ("f1", "splits", "merges", "missed", "spurious")


def as_text(status: Mapping[str, Any]) -> str:
    """What `status.status` gives, for people; with the fields to correct `next`, if it has them."""
    count = status["corrected"]
    fields = "1 field" if count["fields"] == 1 else f"{count['fields']} fields"
    nuclei = "" if count["nuclei"] is None else f", {count['nuclei']} nuclei"
    left_out = (
        "a part of it left out" if count["fields"] == 1 else f"{count['left_out']} of them left out"
    )
    lines = [
        f"corrected: {fields}{nuclei}; {left_out} to "
        f"score on, {count['since']} new or changed since the last version",
        f"model: {status['model']}",
    ]
    lines += _versions(status) + _running(status)
    if status["curve"]:
        lines.append(status["curve"]["text"])
    training = status["training"]
    if status["train"]["why"]:
        lines.append(f"to train: {status['train']['why']}")
    elif not training:
        lines.append(f"to train: nucseg loop train PROJECT ({status['train']['what']})")
    following = status.get("next", ())[:FIELDS]
    lines += [f"correct next: {one['field']}: {one['why']}" for one in following]
    return "\n".join(lines)


def _versions(status: Mapping[str, Any]) -> list[str]:
    """A line a version, the newest first, and one of the shipped model."""
    if not status["versions"]:
        return []
    done = [row for row in status["versions"] if row["state"] == "done"]
    scores: Mapping[str, Any] = done[0]["scores"] if done else {}
    rows = [("version", "fields", "nuclei", *COLUMNS, "")]
    for row in status["versions"]:
        what = row["state"] if row["state"] != "done" else "" if row["taken"] else "not taken over"
        counts = (row["name"], str(row["train"]), str(row["nuclei"]))
        rows.append((*counts, *_figures(scores.get(row["name"])), what))
    rows.append((status["shipped"], "-", "-", *_figures(scores.get(status["shipped"])), "shipped"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    text = [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    newest = status["versions"][0]
    reason = newest["reason"] or newest["error"]
    return ["", *text, *([f"{newest['name']}: {reason}"] if reason else []), ""]


def _figures(score: Mapping[str, Any] | None) -> tuple[str, ...]:
    if score is None:
        return ("-",) * len(COLUMNS)
    return tuple(f"{score[key]:.3f}" if key == "f1" else str(score[key]) for key in COLUMNS)


def _running(status: Mapping[str, Any]) -> list[str]:
    lines = []
    run = status["training"]
    if run:
        where = f", epoch {run['epoch']} of {run['epochs']}" if run["epochs"] else ""
        left = "" if run["eta_seconds"] is None else f", {run['eta_seconds'] / 60:.1f} minutes left"
        going = run["state"] == "training"
        text = f"{run['name']}: {run['stage'] if going else run['state']}{where}{left * going}"
        lines.append(text + ("; `nucseg loop train` goes on with it" if run["resumable"] else ""))
    labels = status["predicting"]
    if labels and labels["running"]:
        lines.append(f"labelling: {labels.get('done', 0)} of {labels.get('total', '?')} fields")
    return lines
