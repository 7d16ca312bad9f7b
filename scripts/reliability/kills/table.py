"""Results as a table in docs/reliability/kills.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

DOCS = Path(__file__).resolve().parents[3] / "docs" / "reliability" / "kills.md"
BEGIN, END = "<!-- kills: written by scripts/reliability/kill.py -->", "<!-- end of kills -->"
SHOWN = 6  # moments of a stage


def write_table(results: Mapping[str, Mapping[str, Any]]) -> None:
    """Put the table of all stages between the marks of the page."""
    text = DOCS.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    DOCS.write_text(f"{before}{BEGIN}\n\n{table(results)}\n{END}{after}", encoding="utf-8")


def table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Two tables: of all stages, and of the moments of each."""
    lines = [
        "| Stage | Kills | Runs | Seconds apart: median (least to most) | Differences |",
        "|---|---|---|---|---|",
    ]
    for name, found in results.items():
        low, middle, high = np.percentile(found["apart"], (0, 50, 100))
        apart = f"{middle:.1f} ({low:.2f} to {high:.1f})"
        count = len(found["differences"])
        lines.append(f"| {name} | {found['kills']} | {found['runs']} | {apart} | {count} |")
    lines += ["", "| Stage | Moments, and how often each |", "|---|---|"]
    lines += [f"| {name} | {_moments(found['moments'])} |" for name, found in results.items()]
    return "\n".join(lines) + "\n"


def _moments(moments: Mapping[str, int]) -> str:
    often = sorted(moments.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = [f"{name} {count}" for name, count in often[:SHOWN]]
    rest, kinds = sum(count for _, count in often[SHOWN:]), len(often[SHOWN:])
    return "; ".join(shown + ([f"{kinds} others {rest}"] if rest else []))
