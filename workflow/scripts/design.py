"""From a configuration to trainings, and to the rows of each report."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from checks import DesignError, check, require

AXES = ("model", "set", "init", "policy", "size", "cycles")
RUN = "/".join(f"{{{axis}}}" for axis in (*AXES, "replicate"))  # as wildcards in paths
POLICIES = (
    *("simple", "wide", "full_mild", "none"),
    *("full", "min_blur", "min_contrast", "min_noise", "min_scaling"),
)


@dataclass(frozen=True)
class Training:
    """One training; two experiments that ask for the same one share it.

    Attributes:
        model: a key of `models`.
        set: a key of `training_sets`.
        init: a key of the model's `inits`.
        policy: of the augmentation.
        size: of the ROI store, in units of `store.rois`.
        cycles: passes over the store, in units of the model's `cycles`.
        replicate: from 1; the seed.
    """

    model: str
    set: str
    init: str
    policy: str
    size: str
    cycles: str
    replicate: int

    @property
    def path(self) -> str:
        """Below `runs/`, `predictions/SPLIT/` and so on."""
        return "/".join(map(str, astuple(self)))


def read_design(config: Mapping[str, Any], schema: Path, source: str) -> dict[str, Any]:
    """Validate a configuration and fill in defaults.

    Args:
        config: from YAML.
        schema: the JSON schema.
        source: named in messages.

    Raises:
        DesignError: it cannot be used.
    """
    design = check(dict(config), schema, source)
    for name, model in design["models"].items():
        if any(pair.startswith(("data.", "normalisation.")) for pair in model["set"]):
            raise DesignError(
                f"\n  {source}: models.{name}.set: all models share the ROI stores; data.* and "
                "normalisation.* belong into `set` at the top"
            )
    for name, experiment in design["experiments"].items():
        _check_experiment(design, experiment, f"{source}: experiments.{name}")
        rows = [row.lower() for row, _ in entries(design, name)]
        twice = {row for row in rows if rows.count(row) > 1}
        if twice:
            raise DesignError(
                f"\n  {source}: experiments.{name}: two rows are called {twice.pop()}"
            )
    return design


def trainings(design: Mapping[str, Any], experiment: str) -> list[Training]:
    """The trainings of an experiment: all combinations, and of each its replicates."""
    part = design["experiments"][experiment]
    if not part["models"]:
        return []
    sizes, cycles = ([f"{value:g}" for value in part[axis]] for axis in ("sizes", "cycles"))
    axes = (part["models"], part["sets"], part["inits"], part["policies"], sizes, cycles)
    replicates = range(1, part["replicates"] + 1)
    return [Training(*values) for values in itertools.product(*axes, replicates)]


def entries(design: Mapping[str, Any], experiment: str) -> Iterator[tuple[str, list[str]]]:
    """The rows of an experiment's report.

    Yields:
        Name, and folders of label images below the folder of predictions; replicates are one row.
        A name holds the model and what differs within the experiment.
    """
    part = design["experiments"][experiment]
    units = {"size": "x ROIs", "cycles": "x cycles"}
    differ = [axis for axis in AXES[1:] if len(part.get(_plural(axis), ())) > 1]
    rows: dict[str, list[str]] = {}
    for training in trainings(design, experiment):
        words = [f"{getattr(training, axis)}{units.get(axis, '')}" for axis in differ]
        rows.setdefault(" ".join([training.model, *words]), []).append(training.path)
    yield from rows.items()
    for name in part["baselines"]:
        yield name, [f"baselines/{name}"]
    for name in part["prelabels"]:
        yield name, [f"prelabels/{name}"]


def lengths(design: Mapping[str, Any], training: Mapping[str, str]) -> tuple[int, int]:
    """Epochs, and steps of each.

    One epoch is one pass over the store, a "cycle" of the paper.
    """
    model = design["models"][training["model"]]
    steps = rois(design, training["size"]) // model["batch"]
    return max(1, _rounded(model["cycles"] * float(training["cycles"]))), max(1, steps)


def rois(design: Mapping[str, Any], size: str) -> int:
    """How many ROIs a store of a size has."""
    return max(1, _rounded(design["store"]["rois"] * float(size)))


def _rounded(value: float) -> int:
    """To the nearest whole number, halves up, that a row of multiples may not go up and down."""
    return math.floor(value + 0.5)


def _plural(axis: str) -> str:
    return {"policy": "policies", "cycles": "cycles"}.get(axis, f"{axis}s")


def _check_experiment(design: Mapping[str, Any], part: Mapping[str, Any], where: str) -> None:
    """Every name an experiment uses must be one that the configuration has."""
    require(part["models"], design["models"], f"{where}.models")
    for key in ("baselines", "prelabels"):
        require(part[key], design[key], f"{where}.{key}")
    if part["models"]:
        for key in ("sets", "inits"):
            if key not in part:
                raise DesignError(f"\n  {where}: {key!r} is missing")
        require(part["sets"], design["training_sets"], f"{where}.sets")
        require(part["policies"], [*POLICIES, *design["policies"]], f"{where}.policies")
        for model in part["models"]:
            require(part["inits"], design["models"][model]["inits"], f"{where}.inits, of {model}")
    if not (part["models"] or part["baselines"] or part["prelabels"]):
        raise DesignError(f"\n  {where}: names no models, baselines or prelabels")
    if part["replicates"] > 1 and not part["models"]:
        raise DesignError(f"\n  {where}: replicates are of models; there are none")
