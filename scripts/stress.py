"""How a model does on images unlike those it knows: `python scripts/stress.py --data DIR`.

Validation fields are altered in many ways, with exact truth (docs/stress.md says how), predicted as
`nucseg predict` does without options, and scored. Written to --out: stress.csv, a row for each
model and altered field; stress.md, the tables; SET_MODEL.png, contact sheets of a few fields, truth
green and prediction magenta, white where both agree.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import pandas as pd

from nucseg_tf.errors import UsageError
from nucseg_tf.evaluation.stress.kinds import KINDS, PLAIN, check_kinds
from nucseg_tf.evaluation.stress.run import run_stress
from nucseg_tf.evaluation.stress.scene import choose, load_scenes, spread
from nucseg_tf.evaluation.stress.sheet import draw_tile, write_sheet
from nucseg_tf.evaluation.stress.table import summarise_stress, to_markdown
from nucseg_tf.inference.segmenter import load_model
from nucseg_tf.io.files import atomic_path, ensure_folder

DATA = [Path("../shared/data/dsb2018"), Path("../shared/data/kromp2020")]


def parse() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, nargs="+", default=DATA, help="data sets")
    parser.add_argument("--model", action="append", help="name or folder; may be repeated")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), help="without: all")
    parser.add_argument("--fields", type=int, default=12, help="of each data set")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=int, default=3, help="of a contact sheet")
    parser.add_argument("--out", type=Path, default=Path("runs/stress"))
    parser.add_argument("--markdown", type=Path, help="without: OUT/stress.md")
    options = parser.parse_args()
    try:
        check_kinds(options.kinds)
    except UsageError as error:
        parser.error(f"--kinds: {error}")
    return options


def write_rows(out: Path, rows: list[dict]) -> pd.DataFrame:
    """Write stress.csv, and return it as a table."""
    table = pd.DataFrame(rows)
    with atomic_path(out / "stress.csv") as temporary:
        table.to_csv(temporary, index=False, float_format="%.4g")
    return table


def main() -> None:
    """Run the test, and write what came of it."""
    options = parse()
    kinds = [PLAIN, *(kind for kind in options.kinds if kind != PLAIN)]
    ensure_folder(options.out)
    models = {Path(name).name: load_model(name) for name in options.model or ["fpn2ws-nuclei"]}
    sets = {data.name: load_scenes(data) for data in options.data}
    shown = {
        (name, scene.name)
        for name, scenes in sets.items()
        for scene in spread(choose(scenes, options.fields), options.rows)
    }
    rows: list[dict] = []
    sheets: dict[tuple[str, str], dict] = {}
    began, last = time.perf_counter(), ""
    for outcome in run_stress(models, sets, kinds, options.fields, options.seed):
        rows.append(outcome.row())
        if (outcome.data, outcome.scene.name) in shown:
            tiles = sheets.setdefault((outcome.data, outcome.model), {})
            tiles[outcome.scene.name, outcome.kind] = draw_tile(outcome)
        if outcome.kind != last:  # what there is so far is kept
            last = outcome.kind
            write_rows(options.out, rows)
            print(f"{time.perf_counter() - began:6.0f} s  {outcome.data} {last}", flush=True)
    table = write_rows(options.out, rows)
    for (data, model), tiles in sheets.items():
        write_sheet(options.out / f"{data}_{model}.png", tiles)
    text = to_markdown(summarise_stress(table))
    (options.markdown or options.out / "stress.md").write_text(text, encoding="utf-8")
    print(text)
    print(options.out)


if __name__ == "__main__":
    main()
