"""The cell lines: figures of the paper, and what was made up to go with them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nucseg_tf.errors import UsageError
from nucseg_tf.suggest import nearest

Range = tuple[float, float]


@dataclass(frozen=True)
class CellLine:
    """What fields of a cell line look like.

    From Table S1 of Zaki et al. 2020 (doi 10.1101/2020.04.14.041020), training images:

    Attributes:
        name: as the paper's tables have it.
        pixel_size: µm.
        shape: (H, W) of a field, px.
        nuclei: in a field; where there were several fields, their mean.
        area: mean area of nuclei, px.
        area_sd: its standard deviation, px.

    Fitted to the above:

        whole_area: mean and standard deviation in px of nuclei as they are drawn. The edge of the
            field and other nuclei hide parts of some; of what is left, `area` and `area_sd` hold.

    Made up after the paper's description and pictures of such cells:

        lobes: weights of 2, 3 and 4 lobes; none for nuclei of one piece.
        aspect: length over width, range.
        bend: how kidney-shaped nuclei are; 0 not at all.
        bumps: irregularity of outlines, as a share of the radius.
        beside: share of nuclei that lie beside another one; the rest lie anywhere.
        contact: distance to that one in sums of the two radii, range; none are closer.
        gap: px of background around each nucleus.
        overlap: share of a nucleus that others may hide.
        mitoses: share of nuclei that divide.
        debris: bright specks per nucleus.
        rim: width of the slope of brightness at the edge, as a share of the radius; 1 is a dome.
        chromatin: contrast of the texture.
        nucleoli: number of dark spots, range.
        blur: standard deviation in px of the blur in focus.
        defocused: share of nuclei out of focus.
        haze: stray light, as a share of the light.
        photons: per px in a typical nucleus; they set the noise.
    """

    name: str
    pixel_size: float
    shape: tuple[int, int]
    nuclei: int
    area: float
    area_sd: float
    whole_area: Range
    lobes: tuple[float, ...] = ()
    aspect: Range = (1.0, 1.5)
    bend: float = 0.1
    bumps: float = 0.03
    beside: float = 0.0
    contact: Range = (1.0, 1.3)
    gap: int = 0
    overlap: float = 0.0
    mitoses: float = 0.02
    debris: float = 0.05
    rim: float = 0.4
    chromatin: float = 0.12
    nucleoli: tuple[int, int] = (0, 4)
    blur: float = 0.8
    defocused: float = 0.08
    haze: float = 0.05
    photons: float = 600.0


CELL_LINES = (
    CellLine(  # 60x, binned 2x2, maximum projections: well separated
        "MCF10A",
        pixel_size=0.216,
        shape=(1078, 1278),
        nuclei=175,  # 1,225 in 7 fields
        area=2606.1,
        area_sd=855.1,
        whole_area=(2800, 730),
        aspect=(1.05, 1.6),
        beside=0.3,
        contact=(1.02, 1.5),
        gap=3,
        nucleoli=(1, 5),
        defocused=0.05,
        photons=900.0,
    ),
    CellLine(  # 20x, binned 2x2: small in px, clumped colonies
        "HCT116",
        pixel_size=0.65,
        shape=(1080, 1280),
        nuclei=1710,
        area=299.05,
        area_sd=91.43,
        whole_area=(330, 84),
        aspect=(1.05, 1.6),
        bumps=0.04,
        beside=0.97,
        contact=(0.82, 1.02),
        overlap=0.2,
        mitoses=0.03,
        rim=0.8,
        nucleoli=(0, 3),
        blur=0.9,
        defocused=0.15,
        haze=0.1,
    ),
    CellLine(  # 20x, not binned: large and flat
        "U2OS",
        pixel_size=0.325,
        shape=(2158, 2558),
        nuclei=782,
        area=2175.55,
        area_sd=752.44,
        whole_area=(2270, 710),
        aspect=(1.1, 1.8),
        bend=0.14,
        beside=0.25,
        contact=(1.0, 1.3),
        overlap=0.05,
        rim=0.3,
        chromatin=0.15,
        nucleoli=(1, 6),
        blur=1.1,
        photons=400.0,
    ),
    CellLine(  # 60x, binned 2x2, maximum projections; they no longer divide
        "Eosinophils",
        pixel_size=0.216,
        shape=(1080, 1280),
        nuclei=295,
        area=562.38,
        area_sd=183.31,
        whole_area=(600, 188),
        lobes=(0.7, 0.25, 0.05),
        aspect=(1.0, 1.35),
        bumps=0.04,
        beside=0.5,
        contact=(1.1, 1.7),
        overlap=0.1,
        mitoses=0.0,
        rim=0.6,
        chromatin=0.16,
        nucleoli=(0, 0),
        blur=1.0,
        defocused=0.12,
        photons=700.0,
    ),
)


def find_cell_lines(name: str) -> tuple[CellLine, ...]:
    """The cell line of a name, or all four.

    Args:
        name: case and punctuation do not matter; or "all".

    Raises:
        UsageError: there is no such cell line.
    """
    if name.lower() == "all":
        return CELL_LINES
    found = tuple(line for line in CELL_LINES if _plain(line.name) == _plain(name))
    if not found:
        hint = nearest(name, [*(line.name for line in CELL_LINES), "all"])
        raise UsageError(f"--cell-line: there is no {name!r}; {hint}")
    return found


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()
