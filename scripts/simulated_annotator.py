"""From no labels to a model of one's own: how good is it after half an hour?

    python scripts/simulated_annotator.py --data DIR --test DIR --out runs/annotator

A simulated annotator corrects what the loop of `nucseg annotate` labels, with the true labels of
--data at hand and at a human's speed; the loop trains in between, on this machine. How the clock
goes on, by the work of the annotator and by trainings, is said in `annotator/session.py`. Each
model that comes into use is scored on --test, fields that nobody corrects: F1 at IoU 0.7, pooled
over their nuclei.

Fields are corrected in the order of the loop, and at random, for comparison. Each order is worked
through in a folder of its own below --out; a run that was stopped or killed goes on with the same
command, in the middle of a training too.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from annotator.session import CURVE, Pace, Session, in_use

from nucseg_tf.engines.tensorflow import use_device
from nucseg_tf.io.files import atomic_path

STEP = 10  # minutes, of the table


def parse() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add, pace = parser.add_argument, Pace()
    add("--data", type=Path, required=True, help="fields to correct, with true labels")
    add("--test", type=Path, required=True, help="fields to score on, of other images")
    add("--out", type=Path, default=Path("runs/annotator"))
    add("--orders", nargs="+", default=["loop", "random:1"], help="loop, random:SEED")
    add("--minutes", type=float, default=30.0)
    add("--correction", type=float, default=pace.correction, help="s a nucleus touched")
    add("--glance", type=float, default=pace.glance, help="s a nucleus looked at")
    add("--opening", type=float, default=pace.opening, help="s a field")
    add("--share", type=float, default=pace.share, help="of each field that is corrected")
    add("--first", type=int, default=pace.first, help="nuclei before the first training")
    add("--grown", type=float, default=pace.grown, help="times as many before the next")
    add("--start", type=float, default=pace.start, help="s a process takes to start")
    add("--trainings", type=int, default=1000, help="at most in this call; the next goes on")
    add("--figure", type=Path, help="PNG; without: OUT/curve.png")
    return parser.parse_args()


def main() -> None:
    """Let an annotator work in each order, and compare."""
    options = parse()
    use_device("cpu")
    pace = Pace(**{name: getattr(options, name) for name in Pace.__dataclass_fields__})
    curves, left = {}, options.trainings
    for order in options.orders:
        out = options.out / order.replace(":", "")
        session = Session(out, options.data, options.test, order, pace)
        before = len(session.state.curve)
        over = session.work(options.minutes, left)
        left -= len(session.state.curve) - before
        curves[order] = pd.read_csv(out / CURVE)
        if not over:
            print(f"{order}: not over yet; the same command goes on")
            break
    print(table(curves, options.minutes))
    draw(curves, options.minutes, options.figure or options.out / "curve.png")


def table(curves: dict[str, pd.DataFrame], minutes: float) -> str:
    """F1 of the models in use, over time, as Markdown."""
    times = list(range(0, int(minutes) + 1, STEP))
    lines = [
        "| Order | " + " | ".join(f"{step} min" for step in times) + " |",
        "|---" * (len(times) + 1) + "|",
    ]
    for order, curve in curves.items():
        rows = [in_use(curve, step) for step in times]
        cells = [f"{row['f1']:.3f} ({row['model']})" for row in rows]
        lines.append(f"| {order} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def draw(curves: dict[str, pd.DataFrame], minutes: float, path: Path) -> None:
    """F1 over time, a line an order; dots where a model came into use."""
    axes = plt.subplots(figsize=(5.4, 3.6))[1]
    for order, curve in curves.items():
        used = curve[(curve["taken"] > 0) & (curve["minutes"] <= minutes)]
        last = used.iloc[[-1]].assign(minutes=minutes)
        steps = pd.concat([used, last])
        (line,) = axes.step(steps["minutes"], steps["f1"], where="post", label=order)
        axes.plot(used["minutes"], used["f1"], "o", color=line.get_color(), markersize=4)
    axes.set(xlabel="minutes", ylabel="F1 at IoU 0.7, fields nobody corrected", xlim=(0, minutes))
    axes.legend(loc="lower right", title="fields corrected in the order")
    axes.grid(alpha=0.3)
    with atomic_path(path) as temporary:
        plt.savefig(temporary, format="png", dpi=120, bbox_inches="tight")


if __name__ == "__main__":
    main()
