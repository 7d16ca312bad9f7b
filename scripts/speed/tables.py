"""Results as tables in Markdown; medians, with the range of the rounds in brackets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from speed.tools import OURS
from speed.turns import summarise, summary_of

BEGIN, END = "<!-- tables by scripts/bench.py -->", "<!-- end of tables -->"
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


def about(result: Mapping[str, Any]) -> str:
    """Machine, versions, and what was left out."""
    machine = result["machine"]
    lines = [
        f"Measured on {machine['cpu']}, {machine['cores']} cores "
        f"({', '.join(machine['extensions']) or 'no AVX'}), {machine['memory_gb']:g} GB, "
        f"{machine['system']}; {result['began']}, {result['rounds']} rounds in turns. "
        f"Images: {result['fields']}. {busy(result)}"
    ]
    ours = machine["versions"]
    lines.append(
        f"- **{OURS}** {ours['nucseg-tf']} (revision {machine['revision'][:12] or 'unknown'}), "
        f"model `{result['tools'][OURS]['model']}`, OpenVINO {ours['openvino']}, "
        f"Python {ours['python']}"
    )
    for name, tool in result["tools"].items():
        if "left_out" in tool:
            lines.append(f"- **{name}** left out: {tool['left_out']}")
        elif name != OURS:
            packages = ", ".join(f"{key} {value}" for key, value in tool["versions"].items())
            lines.append(f"- **{name}**: {packages}; weights: {tool['weights']}")
    return lines[0] + "\n\n" + "\n".join(lines[1:])


def busy(result: Mapping[str, Any]) -> str:
    """How busy the machine was with other things, in words."""
    others = [part["others_cores"] for part in result["parts"].values()]
    known = [value for value in others if value is not None]
    if not known:
        return "How busy the machine was with other things is unknown."
    return (
        f"Other programs kept {min(known):.1f} to {max(known):.1f} of "
        f"{result['machine']['cores']} cores busy meanwhile."
    )


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
    rates = part["rates"]
    kinds = {name: value for name, value in rates.items() if isinstance(value, dict)}
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


SHOW: dict[str, Callable[[Any], str]] = {
    "whole": whole,
    "stages": stages,
    "startup": startup,
    "size": size,
    "shapes": shapes,
}


def render(result: Mapping[str, Any]) -> str:
    """All tables of a file of results."""
    parts = result["parts"]
    texts = [about(result)] + [SHOW[name](parts[name]) for name in SHOW if name in parts]
    if "limit" in parts:
        texts.append(limit(parts["limit"], parts.get("stages")))
    texts += [f"{name} failed: {error}" for name, error in errors(result)]
    return "\n\n".join(texts) + "\n"


def errors(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What failed, and what it said last."""
    found = []
    for name, part in result["parts"].items():
        for group in (part, *part.get("sizes", [])):
            for tool, error in group.get("errors", {}).items():
                at = f"{name}, {group['mpx']:.3g} Mpx" if "side" in group else name
                found.append((f"{tool} ({at})", error.splitlines()[-1]))
    return found


def put(page: Path, text: str) -> None:
    """Put tables between the two marks of a page, or write a new one.

    Raises:
        SystemExit: the page is there, but not the marks.
    """
    block = f"{BEGIN}\n\n{text}\n{END}"
    if not page.exists():
        page.write_text(f"{block}\n")
        return
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{page}: expected the lines {BEGIN} and {END}")
    page.write_text(before + block + after)
