"""What objects.csv and run.json of prelabels say of the fields of a project."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nucseg_tf.errors import DataError
from nucseg_tf.io.cells import from_cell
from nucseg_tf.io.documents import from_json
from nucseg_tf.io.names import stem_of


@dataclass(frozen=True)
class Suspect:
    """A prelabelled nucleus that is perhaps wrong.

    Attributes:
        label: its value in the prelabels.
        rank: 1 is the most suspicious of all fields.
        confidence: 0 to 1, or None.
        reasons: text for the annotator.
    """

    label: int
    rank: int
    confidence: float | None
    reasons: str


# Of each field: how many nuclei were prelabelled, and which are suspects.
Objects = dict[str, tuple[int | None, tuple[Suspect, ...]]]


def read_objects(path: Path) -> Objects:
    """How many nuclei each field has in objects.csv, and which are suspects."""
    if not path.is_file():
        return {}
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        table["key"] = table["image"].map(from_cell).map(_key_of_name)
        counts = table.groupby("key").size()
        found: dict[str, list[Suspect]] = {str(key): [] for key in counts.index}
        chosen = table.get("suspect", pd.Series("", table.index)).str.lower()
        for row in table[chosen.isin(("1", "1.0", "true"))].to_dict("records"):
            found[row["key"]].append(_suspect(row))
    except (ValueError, KeyError, OverflowError) as error:
        raise DataError(
            f"{path}: cannot be read: expected a table with the columns image and label. Make it "
            f"anew with `nucseg prelabel`, or remove it. Received: {error}"
        ) from error
    return {
        key: (int(counts[key]), tuple(sorted(suspects, key=lambda s: (s.rank, s.label))))
        for key, suspects in found.items()
    }


def _suspect(row: dict[Hashable, str]) -> Suspect:
    confidence = float(row["confidence"]) if row.get("confidence") else math.nan
    return Suspect(
        label=int(float(row["label"])),
        rank=int(float(row.get("rank") or 0)),
        confidence=confidence if math.isfinite(confidence) else None,
        reasons=row.get("reasons", ""),
    )


def _key_of_name(name: str) -> str:
    image = Path(name.replace("\\", "/"))
    return field_key("" if image.parent == Path() else image.parent.as_posix(), image)


def model_name(path: Path) -> str:
    """What made the prelabels, by their run.json."""
    try:
        record: dict[str, Any] = from_json(path.read_text(encoding="utf-8"))
        model = record.get("model") or {}
        return str(model.get("name") or record.get("method") or "")
    except (OSError, ValueError, AttributeError):
        return ""


def field_key(group: str, image: Path) -> str:
    return f"{group}/{stem_of(image)}" if group else stem_of(image)
