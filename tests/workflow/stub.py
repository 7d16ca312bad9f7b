"""Stands in for `nucseg` in tests of the workflow: writes what a command would, in no time."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path


def main(command: str, *arguments: str) -> None:
    """Write the files that a command writes, with what it was given in them."""
    flags = dict(itertools.pairwise(arguments))
    out = Path(flags.get("--out", "."))
    text = " ".join(arguments)
    if command == "validate":
        print("fine")
        return
    if command == "augment":
        write(out, text)
    elif command == "train":
        write(out / "model" / "model.yaml", text)
    elif command == "predict":
        shard = flags.get("--shard", "")
        part = f"-{shard.replace('/', 'of')}" if shard else ""
        for name in ("objects{}.csv", "run{}.json"):
            write(out / name.format(part), text)
        if "fails" in arguments[0]:
            sys.exit(int(arguments[0].rpartition("_")[2]))
    elif command == "merge":
        parts = sorted(Path(arguments[0]).glob("objects-*of*.csv"))
        text += "\n" + "".join(part.read_text() for part in parts)
        for name in (f"objects.{flags['--table']}", "run.json"):
            write(Path(arguments[0]) / name, text)
    elif command == "report":
        write(Path(arguments[0]) / "report.html", text)
    elif command == "prelabel":
        write(Path(flags.get("--out", f"{arguments[0]}/prelabels")) / "objects.csv", text)
    elif command == "evaluate":
        scores = {key: dict.fromkeys(("f1", "precision", "recall"), 1.0) for key in KEYS}
        summary = {"thresholds": scores, "images": 1, "n_truth": 1}
        write(out / "scores.json", json.dumps({"summary": summary}))
    elif command == "benchmark":
        for name in ("report.html", "benchmark.json", "summary.csv"):
            write(out / name, text)
    elif command == "compare":
        write(out / "compare.md", text)
    else:
        sys.exit(f"no stand-in for {command}")


def write(path: Path, text: str) -> None:
    """Write a file and its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


KEYS = ("0.50", "0.70", "0.90")

if __name__ == "__main__":
    main(*sys.argv[1:])
