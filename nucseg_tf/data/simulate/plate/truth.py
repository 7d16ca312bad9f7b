"""What is true of a synthetic plate: DIR/truth/ has labels of each field, and two tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nucseg_tf.data.simulate.plate.screen import Screen, Spot
from nucseg_tf.io.labels import read_labels
from nucseg_tf.io.plates.wells import well_name
from nucseg_tf.io.tables import Table, write_table

FOLDER = "truth"


def labels_file(out: Path, spot: Spot) -> Path:
    """The label image of a field; it is written last, so the field is there if it is."""
    return out / FOLDER / f"{spot.stem}_labels.tif"


def write_tables(out: Path, screen: Screen) -> None:
    """Write nuclei.csv, a row a nucleus, and wells.csv, a row a well, from the label images."""
    counts: dict[tuple[int, int], int] = {}

    def nuclei() -> Iterator[Table]:
        for spot in screen.spots():
            table = _nuclei(screen, spot, read_labels(labels_file(out, spot)))
            place = (spot.row, spot.column)
            counts[place] = counts.get(place, 0) + len(table)
            yield table

    write_table(out / FOLDER / "nuclei.csv", nuclei())
    write_table(out / FOLDER / "wells.csv", [_wells(screen, counts)])


def _nuclei(screen: Screen, spot: Spot, labels: np.ndarray) -> Table:
    """Place, size and truth of each nucleus of a field; row and column of its middle in px."""
    count = int(labels.max())
    cells, inside = screen.cells(spot, count), np.nonzero(labels)
    flat = labels[inside] - 1
    area = np.bincount(flat, minlength=count)
    middle = [np.bincount(flat, axis, count) / area for axis in inside]
    same = {"well": spot.well, "field": spot.field, "dose": screen.dose(spot.column)}
    return Table(
        {key: np.full(count, value) for key, value in same.items()}
        | {"label": np.arange(1, count + 1), "y": middle[0], "x": middle[1], "area": area}
        | {"ratio": cells.ratio, "level": cells.level, "positive": cells.positive}
    )


def _wells(screen: Screen, counts: dict[tuple[int, int], int]) -> Table:
    columns = [column for _, column in counts]
    return Table(
        {
            "well": np.array([well_name(*place) for place in counts]),
            "row": np.array([row for row, _ in counts]),
            "column": np.array(columns),
            "dose": np.array([screen.dose(column) for column in columns]),
            "ratio": np.array([screen.ratio(column) for column in columns]),
            "positive": np.array([screen.positive(column) for column in columns]),
            "nuclei": np.array(list(counts.values())),
        }
    )
