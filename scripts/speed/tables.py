"""Results as tables in Markdown; medians, with the range of the rounds in brackets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from speed.tools import OURS
from speed.turns import summarise, summary_of

STAGES = ("read", "scale", "network", "decode", "measure", "write")
RATE_OF = {OURS: ("openvino bf16", "openvino f32")}  # that a network could have, the first there is
RATE = ("openvino f32",)


def number(value: float) -> str:
    """Three digits, without exponents.

    >>> number(0.012345), number(1.2345), number(123.45), number(12345.6)
    ('0.0123', '1.23', '123', '12346')
    """
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if value >= 0.001 or value == 0 else f"{value:.4f}"


def cell(summary: Mapping[str, float]) -> str:
    """Median and range.

    >>> cell({"median": 0.5, "low": 0.4, "high": 0.61})
    '0.5 (0.4-0.61)'
    """
    if not summary:
        return "failed"
    middle, low, high = (number(summary[key]) for key in ("median", "low", "high"))
    return middle if low == high else f"{middle} ({low}-{high})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def whole(part: Mapping[str, Any]) -> str:
    """The whole program over a folder."""
    rows = [
        (
            name,
            cell(summary_of(runs, "wall_s", part["mpx"])),
            cell(summary_of(runs, "cpu_s", part["mpx"])),
            cell(summary_of(runs, "peak_mb", 1024)),
        )
        for name, runs in part["runs"].items()
    ]
    head = ("Tool", "s/Mpx", "processor, s/Mpx", "peak, GB")
    title = f"### A folder of {part['images']} images, {part['mpx']:.1f} Mpx, start-up included"
    return title + "\n\n" + table(head, rows)


def stages(part: Mapping[str, Any]) -> str:
    """Each stage."""
    names = [name for name, runs in part["runs"].items() if runs]
    rows = []
    for stage in (*STAGES, "all"):
        row = [stage]
        for name in names:
            row += [
                cell(summarise(per_mpx(run, stage, key) for run in part["runs"][name]))
                for key in ("wall_s", "cpu_s")
            ]
        rows.append(row)
    found = [f"{name} {part['runs'][name][-1]['nuclei']}" for name in names]
    head = ["Stage"] + [text for name in names for text in (f"{name}, s/Mpx", "processor")]
    note = f"Nuclei found: {', '.join(found)}."
    return (
        "### By stage, one after another, after the first image\n\n"
        + table(head, rows)
        + (f"\n\n{note}")
    )


def per_mpx(run: Mapping[str, Any], stage: str, key: str) -> float:
    """Seconds a megapixel of a stage, or of "all"; 0 where a tool has no such stage."""
    stages = run["stages"] if stage == "all" else [stage]
    return sum(run["stages"].get(name, {}).get(key, 0.0) for name in stages) / run["mpx"]


def startup(part: Mapping[str, Any]) -> str:
    """Help, import, one image."""
    rows = [
        (
            name,
            cell(summary_of(runs, "wall_s")),
            cell(summary_of(runs, "cpu_s")),
            cell(summary_of(runs, "peak_mb", 1024)),
        )
        for name, runs in part["runs"].items()
    ]
    return "### Start-up\n\n" + table(("What", "s", "processor, s", "peak, GB"), rows)


def size(part: Mapping[str, Any]) -> str:
    """Cost against size."""
    names = list(dict.fromkeys(name for row in part["sizes"] for name in row["runs"]))
    rows = []
    for row in part["sizes"]:
        cells = [f"{row['mpx']:.3g}"]
        for name in names:
            runs = row["runs"].get(name)
            if runs is None:  # given up at a smaller field
                cells += ["", "", ""]
                continue
            cells += [
                cell(summary_of(runs, "wall_s", row["mpx"])),
                cell(summary_of(runs, "cpu_s", row["mpx"])),
                cell(summary_of(runs, "peak_mb", 1024)),
            ]
        rows.append(cells)
    head = ["Mpx"]
    head += [text for name in names for text in (f"{name}, s/Mpx", "processor, s/Mpx", "peak, GB")]
    return "### One field of growing size, start-up included\n\n" + table(head, rows)


def shapes(part: Mapping[str, Any]) -> str:
    """Many shapes against one."""
    runs, rows = part["runs"], []
    for name in dict.fromkeys(key.split(": ")[0] for key in runs):
        one, many = (runs[f"{name}: {kind}"] for kind in ("one shape", "many shapes"))
        cells = [name]
        for key in ("wall_s", "cpu_s"):
            pair = [summary_of(each, key, part["mpx"]) for each in (one, many)]
            ratio = number(pair[1]["median"] / pair[0]["median"]) if all(pair) else ""
            cells += [*map(cell, pair), ratio]
        rows.append(cells)
    title = f"### {part['images']} shapes against one, the same number of pixels"
    head = ["Tool", "one, s/Mpx", "many", "ratio", "one, processor s/Mpx", "many", "ratio"]
    return title + "\n\n" + table(head, rows)


def limit(part: Mapping[str, Any], staged: Mapping[str, Any] | None = None) -> str:
    """The physical limit, beside what networks take if stages were measured."""
    kinds = part["rates"]
    first = table(
        ("Matrix product", "10^9 multiply-adds a second", "a second of the processor"),
        [
            (name, number(value["macs_per_s"] / 1e9), number(value["macs_per_cpu_s"] / 1e9))
            for name, value in kinds.items()
        ],
    )
    rows = []
    for name, counts in part["macs_per_mpx"].items():
        rate = next(key for key in RATE_OF.get(name, RATE) + RATE if key in kinds)
        macs = sum(counts.values())
        least = macs / kinds[rate]["macs_per_cpu_s"]
        took = network_cpu(staged["runs"].get(name, [])) if staged else {}
        share = f"{100 * least / took['median']:.0f} %" if took else ""
        rows.append(
            (name, number(macs / 1e9), rate, number(least), cell(took) if took else "", share)
        )
    head = ("Network", "10^9 a Mpx", "at the rate of", "least", "took", "share")
    note = "Seconds of the processor for each megapixel that the network sees."
    return f"### The physical limit\n\n{first}\n\n{note}\n\n{table(head, rows)}"


def network_cpu(runs: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Seconds of the processor in the network, a megapixel that it saw."""
    return summarise(run["stages"]["network"]["cpu_s"] / run["network_mpx"] for run in runs)
