"""Where should an annotator look first? `python scripts/suspects_first.py --data DIR`.

Two simulated annotators correct the same preliminary labels, nucleus by nucleus: one goes through
the fields in order, the other takes the most suspicious nuclei of all fields first, as
`nucseg prelabel` ranks them. Whoever looks at a nucleus puts right what is there: a nucleus that is
none is deleted, one with a wrong outline is redrawn, one that is several becomes several, and parts
of one become that one. Nuclei that were missed altogether are nobody's, so F1 may end below 1.

Printed, and written as CSV and PNG: F1 at IoU 0.7, pooled over all nuclei, over the share of nuclei
looked at, and the F1 gained per nucleus looked at and per nucleus corrected.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from nucseg_tf.annotation.prelabel.image import CLASSICAL, Settings, label
from nucseg_tf.annotation.prelabel.suspects import mark
from nucseg_tf.data.fields import load_field
from nucseg_tf.data.manifest import find_fields
from nucseg_tf.evaluation.matching import match, overlap_table
from nucseg_tf.inference.segmenter import load_model

THRESHOLD = 0.7
SHARES = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0)


class Field:
    """Labels of a field while they are being corrected; true ones beside them."""

    def __init__(self, labels: np.ndarray, truth: np.ndarray):
        self.labels, self.truth = labels.copy(), truth
        self.new = int(labels.max()) + 1
        self.counts = self._count()

    def correct(self, number: int) -> bool:
        """Put right what is where a preliminary nucleus was; whether anything had to be changed."""
        place = self.labels == number
        if not place.any():  # gone, when its neighbour was put right
            return False
        wanted = self._truth_of(place)
        region = np.isin(self.truth, wanted) if wanted else np.zeros_like(place)
        parts = [n for n in np.unique(self.labels[region | place]) if n > 0]
        inside = [n for n in parts if n == number or self._mostly(self.labels == n, region)]
        before = self.labels.copy()
        self.labels[np.isin(self.labels, inside)] = 0
        for nucleus in wanted:
            self.labels[self.truth == nucleus] = self.new
            self.new += 1
        if self._same(before, inside, wanted):
            self.labels = before
            return False
        self.counts = self._count()
        return True

    def _truth_of(self, place: np.ndarray) -> list[int]:
        """True nuclei that mostly lie in a place, and the one in which the place mostly lies."""
        found = [n for n in np.unique(self.truth[place]) if n > 0]
        return [
            n
            for n in found
            if self._mostly(self.truth == n, place) or self._mostly(place, self.truth == n)
        ]

    @staticmethod
    def _mostly(part: np.ndarray, whole: np.ndarray) -> bool:
        return 2 * np.count_nonzero(part & whole) > np.count_nonzero(part)

    def _same(self, before: np.ndarray, inside: list[int], wanted: list[int]) -> bool:
        """Whether a nucleus was good enough already, so that the annotator only looked."""
        if len(inside) != 1 or len(wanted) != 1:
            return False
        one, other = before == inside[0], self.truth == wanted[0]
        return np.count_nonzero(one & other) >= THRESHOLD * np.count_nonzero(one | other)

    def _count(self) -> np.ndarray:
        table = overlap_table(self.truth, self.labels)
        matched = len(match(table, THRESHOLD))
        return np.array([matched, len(table.truth_labels) + len(table.pred_labels)])


def prelabel(fields, method: str) -> tuple[list[np.ndarray], list[np.ndarray], pd.DataFrame]:
    """Preliminary labels, true labels, and the table of all nuclei with their ranks."""
    model = CLASSICAL if method == CLASSICAL else load_model(method)
    found, truths, tables = [], [], []
    for number, field in enumerate(fields):
        pixels, truth = load_field(field)
        labels, table = label(pixels, model, Settings())
        found.append(labels)
        truths.append(truth)
        tables.append(table.assign(image=f"{number:06d}"))
    return found, truths, mark(pd.concat(tables, ignore_index=True))


def walk(labels, truths, order: pd.DataFrame) -> pd.DataFrame:
    """F1 and corrections after each nucleus looked at, from none to all."""
    fields = [Field(*pair) for pair in zip(labels, truths, strict=True)]
    totals = sum(field.counts for field in fields)
    rows, corrected = [(0, 0, 2 * totals[0] / totals[1])], 0
    for looked, row in enumerate(order.itertuples(index=False), start=1):
        field = fields[int(row.image)]
        before = field.counts
        corrected += field.correct(row.label)
        totals = totals + field.counts - before
        rows.append((looked, corrected, 2 * totals[0] / totals[1]))
    return pd.DataFrame(rows, columns=["looked", "corrected", "f1"])


def main() -> None:
    """Let both annotators work, and compare them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/dsb2018/val"))
    parser.add_argument("--method", default=CLASSICAL, help="classical, or a model")
    parser.add_argument("--out", type=Path, default=Path("runs/suspects"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    labels, truths, table = prelabel(find_fields(options.data), options.method)
    orders = {
        "in order": table.sort_values(["image", "label"]),
        "suspects first": table.sort_values("rank"),
    }
    walks = {name: walk(labels, truths, order) for name, order in orders.items()}
    print(f"{options.method}: {len(labels)} fields, {len(table)} nuclei, {options.data}")
    print(f"{'looked at':>16}" + "".join(f"{share:>8.0%}" for share in (0, *SHARES)))
    for name, steps in walks.items():
        at = [round(share * len(table)) for share in (0, *SHARES)]
        print(f"{name:>16}" + "".join(f"{steps['f1'][index]:>8.3f}" for index in at))
        step = steps.iloc[-(-len(table) // 10)]
        gain = 100 * (step["f1"] - steps["f1"][0])
        print(
            f"  of the first tenth {step['corrected']:.0f} were corrected: F1 rose by "
            f"{gain / max(step['looked'], 1):.4f} a hundred looked at, "
            f"{gain / max(step['corrected'], 1):.4f} a hundred corrected"
        )
    name = Path(options.method).name
    pd.concat(walks, names=["order", "step"]).to_csv(options.out / f"{name}.csv")
    axes = plt.subplots(figsize=(5, 3.6))[1]
    for name, steps in walks.items():
        axes.plot(steps["looked"] / len(table), steps["f1"], label=name)
    axes.set(xlabel="share of nuclei looked at", ylabel=f"F1 at IoU {THRESHOLD}", xlim=(0, 1))
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3)
    plt.savefig(options.out / f"{name}.png", dpi=120, bbox_inches="tight")
    print(options.out)


if __name__ == "__main__":
    main()
