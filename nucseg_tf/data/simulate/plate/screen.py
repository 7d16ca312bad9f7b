"""What a synthetic plate is: the columns are doses of one compound, the rows repeat them.

With the dose fewer cells are left, a reporter moves from the cytoplasm into the nuclei, and fewer
nuclei take up EdU. So maps of the plate by count, ratio and share of positive nuclei are known.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from nucseg_tf.data.simulate.cell_lines import CellLine
from nucseg_tf.data.simulate.field import check_seed, check_shape, simulate_field
from nucseg_tf.data.simulate.plate.markers import Cells, draw_edu, draw_reporter
from nucseg_tf.errors import UsageError
from nucseg_tf.io.plates.wells import SIZES, well_name

CHANNELS = ("DAPI", "Reporter", "EdU")
KILLED = 0.6  # share of the cells that the highest dose removes
RATIOS = (0.5, 3.0)  # of the reporter, nucleus to cytoplasm: without the compound, and with most
HALF, HILL = 0.5, 2.0  # dose of half the effect, and how steep it is
POSITIVE = (0.6, 0.05)  # share of nuclei with EdU, in the same order
RATIO_SPREAD, LEVEL_SPREAD = 0.15, 0.25  # standard deviations of logarithms, between cells
MAX_FIELDS = 999  # names of fields have three digits


@dataclass(frozen=True)
class Spot:
    """A field of view of a plate: row, column and number, from 1."""

    row: int
    column: int
    field: int

    @property
    def well(self) -> str:
        """Such as "B03"."""
        return well_name(self.row, self.column)

    @property
    def stem(self) -> str:
        """Such as "B03_F001"."""
        return f"{self.well}_F{self.field:03d}"


@dataclass(frozen=True)
class Screen:
    """All that a plate is drawn from.

    Attributes:
        line: the cell line.
        rows, columns: of wells.
        wells: how many of them have images, row by row from the first.
        fields: of each well.
        channels: the first so many of `CHANNELS`.
        seed: another seed is another plate.
        shape: (H, W) of a field.
    """

    line: CellLine
    rows: int
    columns: int
    wells: int
    fields: int
    channels: int
    seed: int
    shape: tuple[int, int]

    def __post_init__(self) -> None:
        check_seed(self.seed)
        check_shape(self.shape)
        _check_range("--wells", self.wells, self.rows * self.columns)
        _check_range("--fields", self.fields, MAX_FIELDS)
        _check_range("--channels", self.channels, len(CHANNELS))

    @property
    def name(self) -> str:
        """Of the plate."""
        return f"Simulated-{self.line.name}-seed{self.seed}"

    def spots(self) -> Iterator[Spot]:
        """All fields, in order."""
        for well in range(self.wells):
            row, column = divmod(well, self.columns)
            for field in range(1, self.fields + 1):
                yield Spot(row + 1, column + 1, field)

    def dose(self, column: int) -> float:
        """From 0 in the first column to 1 in the last."""
        return (column - 1) / max(self.columns - 1, 1)

    def density(self, column: int) -> float:
        """Cells that are left, as a share."""
        return 1 - KILLED * self.dose(column)

    def ratio(self, column: int) -> float:
        """Typical ratio of the reporter, nucleus to cytoplasm."""
        dose = self.dose(column)
        effect = dose**HILL / (dose**HILL + HALF**HILL) * (1 + HALF**HILL)
        return RATIOS[0] * (RATIOS[1] / RATIOS[0]) ** effect

    def positive(self, column: int) -> float:
        """Share of nuclei with EdU."""
        return POSITIVE[0] + (POSITIVE[1] - POSITIVE[0]) * self.dose(column)

    def cells(self, spot: Spot, count: int) -> Cells:
        """What is drawn of each cell but its nucleus; the same for the same number of them."""
        rng = self._chance(spot, 1)
        ratio = self.ratio(spot.column) * np.exp(rng.normal(0, RATIO_SPREAD, count))
        level = np.exp(rng.normal(0, LEVEL_SPREAD, count))
        return Cells(ratio, level, rng.random(count) < self.positive(spot.column))

    def draw(self, spot: Spot) -> tuple[list[np.ndarray], np.ndarray]:
        """Draw a field; the same arguments give the same one.

        Returns:
            images: (H, W) uint16 of each channel.
            labels: (H, W) int32, 0 background, 1..N.
        """
        nuclei = max(1, round(self.line.nuclei * self.density(spot.column)))
        line = replace(self.line, nuclei=nuclei)
        image, labels = simulate_field(line, self._index(spot), self.seed, self.shape)
        cells, rng = self.cells(spot, int(labels.max())), self._chance(spot, 2)
        images = [image]
        for draw in (draw_reporter, draw_edu)[: self.channels - 1]:
            images.append(draw(rng, labels, cells, line))
        return images, labels

    def _index(self, spot: Spot) -> int:
        row_length = SIZES[-1][1]
        return ((spot.row * row_length) + spot.column) * (MAX_FIELDS + 1) + spot.field

    def _chance(self, spot: Spot, stream: int) -> np.random.Generator:
        name = zlib.crc32(self.line.name.encode())
        return np.random.default_rng([self.seed, name, self._index(spot), stream])


def parse_plate(text: str) -> tuple[int, int]:
    """Rows and columns from text such as "8x12".

    Raises:
        UsageError: it reads differently, or no plate is so large.

    >>> parse_plate("8x12")
    (8, 12)
    """
    sides = text.lower().split("x")
    if len(sides) != 2 or not all(side.isdecimal() for side in sides):
        raise UsageError(f"--plate: expected ROWSxCOLUMNS, such as 8x12. Received: {text!r}")
    rows, columns = map(int, sides)
    if not (1 <= rows <= SIZES[-1][0] and 1 <= columns <= SIZES[-1][1]):
        largest = "x".join(map(str, SIZES[-1]))
        raise UsageError(f"--plate: expected 1x1 to {largest}. Received: {text}")
    return rows, columns


def _check_range(flag: str, value: int, highest: int) -> None:
    if not 1 <= value <= highest:
        raise UsageError(f"{flag}: expected 1 to {highest}. Received: {value}")
