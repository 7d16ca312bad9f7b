"""Rounds in which tools take turns, so that what else the machine does weighs on all alike."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from speed.process import ProcessError

Run = Callable[[], dict[str, Any]]


def take_turns(
    runs: Mapping[str, Run], rounds: int, say: Callable[[str], None] = lambda line: None
) -> dict[str, Any]:
    """Run A B C, A B C, ...

    Args:
        runs: by name; each measures once.
        rounds: how often each is run.
        say: gets a line a run.

    Returns:
        `runs`: the figures of each round by name; `errors`: why a name has none, or fewer. What
        failed once is not tried again.
    """
    figures: dict[str, list[dict[str, Any]]] = {name: [] for name in runs}
    errors: dict[str, str] = {}
    for number in range(rounds):
        for name, run in runs.items():
            if name in errors:
                continue
            try:
                figures[name].append(run())
            except ProcessError as error:
                errors[name] = str(error)
                say(f"  {name}: failed: {error}")
                continue
            line = ", ".join(
                f"{key} {value:.4g}"
                for key, value in figures[name][-1].items()
                if isinstance(value, float)
            )
            say(f"  {number + 1}/{rounds} {name}: {line}")
    return {"runs": figures, "errors": errors}


def summarise(values: Iterable[float]) -> dict[str, float]:
    """Median, least and largest of some figures; nothing of none."""
    ordered = sorted(values)
    if not ordered:
        return {}
    return {"median": statistics.median(ordered), "low": ordered[0], "high": ordered[-1]}


def summary_of(runs: Iterable[Mapping[str, Any]], key: str, per: float = 1) -> dict[str, float]:
    """`summarise` of one figure of some runs, divided by `per`."""
    return summarise(run[key] / per for run in runs)
