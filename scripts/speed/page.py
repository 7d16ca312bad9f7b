"""All tables of a file of results, with what they were measured on, and the page they stand in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from speed import tables
from speed.tools import OURS

BEGIN, END = "<!-- tables by scripts/bench.py -->", "<!-- end of tables -->"
SHOW: dict[str, Callable[[Any], str]] = {
    "whole": tables.whole,
    "stages": tables.stages,
    "startup": tables.startup,
    "size": tables.size,
    "shapes": tables.shapes,
}


def about(result: Mapping[str, Any]) -> str:
    """Machine, versions, and what was left out."""
    machine = result["machine"]
    lines = [
        f"Measured on {machine['cpu']}, {machine['cores']} cores "
        f"({', '.join(machine['extensions']) or 'no AVX'}), {machine['memory_gb']:g} GB, "
        f"{machine['system']}; {result['began']}, {rounds(result)} in turns. "
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


def rounds(result: Mapping[str, Any]) -> str:
    """How many rounds there were, in words."""
    counts = [part["rounds"] for part in result["parts"].values()] or [0]
    few, many = min(counts), max(counts)
    return f"{many} rounds" if few == many else f"{few} to {many} rounds"


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


def render(result: Mapping[str, Any]) -> str:
    """All tables of a file of results."""
    parts = result["parts"]
    texts = [about(result)] + [SHOW[name](parts[name]) for name in SHOW if name in parts]
    if "limit" in parts:
        texts.append(tables.limit(parts["limit"], parts.get("stages")))
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
