"""Which nuclei an annotator should look at first, and why.

A nucleus is doubtful for one or more of three reasons; the fourth only says where to look:

    low confidence   confidence < 0.85
    unusual size     the logarithm of its area is more than 3 standard deviations from the median
    unusual shape    solidity < 0.9: dented or ragged, often two nuclei taken for one
    touching         a pixel of another nucleus is among the eight neighbours of one of its own

Median and deviation (from the median absolute deviation, so that the unusual do not hide
themselves) are those of the field; in a field of few nuclei, those of all fields of its group; and
where these are few too, no size is unusual. Nuclei that the edge of the image cuts do not count,
and are not unusual for being small.

    trust = confidence - 0.1 [unusual size] - 0.5 (1 - solidity)
    order: doubtful nuclei first, and by trust, the least first

Suspects are the doubtful nuclei of each field, but no more than the quarter of its nuclei (one at
least) in which there is the least trust: in crowded tissue most nuclei are doubtful for one reason
or another, and a list of them all would help nobody. Touching alone makes no suspect: nuclei that
only touch were wrong no more often than others.

`docs/prelabel.md` has the measurements that the numbers come from. N nuclei, H rows, W columns.
"""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np
import pandas as pd

LOW_CONFIDENCE = 0.85
LOW_SOLIDITY = 0.9
UNUSUAL_SIZE = 3.0
# Of log area, least standard deviation: in a field of equal nuclei one 20 % larger is not unusual.
LEAST_SPREAD = 0.2
LEAST_NUCLEI = 8  # a median of fewer says little
MOST = 4  # one in so many nuclei of a field is a suspect at most
SIZE_WEIGHT, SHAPE_WEIGHT = 0.1, 0.5  # in units of confidence
REASONS = ("low confidence", "unusual size", "unusual shape", "touching")


def mark(table: pd.DataFrame) -> pd.DataFrame:
    """Add `suspect`, `reasons` and `rank` to a table of nuclei; see the module docstring.

    Args:
        table: a row a nucleus, of one field or many, with the columns `image` (GROUP/NAME or NAME),
            `area_px`, `solidity`, `touches_edge`, `confidence` and `touching` (bool).

    Returns:
        The table without `touching`, but with `suspect` (0 or 1), `reasons` (joined by semicolons)
        and `rank` (1 to N, 1 the most suspicious of all); images in their order, and within each by
        rank.
    """
    sizes = unusual_sizes(table)
    flags = {
        "low confidence": (table["confidence"] < LOW_CONFIDENCE).to_numpy(bool),
        "unusual size": sizes,
        "unusual shape": (table["solidity"] < LOW_SOLIDITY).to_numpy(bool),
        "touching": table["touching"].to_numpy(bool),
    }
    columns = np.stack([flags[reason] for reason in REASONS], axis=1)
    reasons = [";".join(np.array(REASONS)[row]) for row in columns]
    trust = table["confidence"].fillna(1.0) - SIZE_WEIGHT * sizes
    trust = trust - SHAPE_WEIGHT * (1 - table["solidity"])
    rank = np.empty(len(table), np.int64)
    doubtful = columns[:, :-1].any(axis=1)
    rank[np.lexsort((trust, ~doubtful))] = np.arange(1, len(table) + 1)
    suspect = doubtful & _worst(table["image"], rank)
    marked = table.drop(columns="touching").assign(
        suspect=suspect.astype(np.int64), reasons=np.array(reasons, object), rank=rank
    )
    order = np.lexsort((rank, pd.factorize(marked["image"])[0]))
    return marked.iloc[order].reset_index(drop=True)


def _worst(image: pd.Series, rank: np.ndarray) -> np.ndarray:
    """Which nuclei are in the first quarter by rank, or the first, of their image; (N,) bool."""
    within = pd.Series(rank, image.index).groupby(image, sort=False)
    count = within.transform("size").to_numpy()
    return within.rank().to_numpy() <= np.maximum(count // MOST, 1)


def unusual_sizes(table: pd.DataFrame) -> np.ndarray:
    """Whether each nucleus is unusually small or large; (N,) bool. See `mark` for the table."""
    area = np.log(table["area_px"].to_numpy(float))
    whole = ~table["touches_edge"].to_numpy(bool)
    image = table["image"].to_numpy(object)
    group = np.array([str(PurePosixPath(name).parent) for name in image], object)
    unusual = np.zeros(len(table), bool)
    for rows in table.groupby("image", sort=False).indices.values():
        like = rows[whole[rows]]
        if len(like) < LEAST_NUCLEI:
            like = np.flatnonzero((group == group[rows[0]]) & whole)
        if len(like) < LEAST_NUCLEI:
            continue
        middle = np.median(area[like])
        spread = 1.4826 * np.median(np.abs(area[like] - middle))
        away = (area[rows] - middle) / max(spread, LEAST_SPREAD)
        unusual[rows] = np.where(whole[rows], np.abs(away), away) > UNUSUAL_SIZE
    return unusual


def touching(labels: np.ndarray) -> np.ndarray:
    """Whether each nucleus 1..N of (H, W) labels has a pixel next to another's; (N,) bool.

    >>> touching(np.array([[1, 0, 0, 0], [0, 2, 0, 3]])).tolist()
    [True, True, False]
    """
    found = np.zeros(labels.max(initial=0) + 1, bool)
    for one, other in (
        (labels[1:], labels[:-1]),
        (labels[:, 1:], labels[:, :-1]),
        (labels[1:, 1:], labels[:-1, :-1]),
        (labels[1:, :-1], labels[:-1, 1:]),
    ):
        pair = (one != other) & (one > 0) & (other > 0)
        found[one[pair]] = found[other[pair]] = True
    return found[1:]
