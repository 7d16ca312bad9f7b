"""Names in a configuration that stand for files, models or fields: whether they exist."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from checks import DesignError, require
from design import trainings
from fields import UNLABELLED, Field

STARTS = ("random", "imagenet", "coco", "nuclei")  # of a training, besides models
SPLITS = ("train", "val", "test", UNLABELLED)
VARIABLE = "NUCSEG_MODELS"


def check_names(design: Mapping[str, Any], program: Path, source: str) -> None:
    """Refuse models and configurations that do not exist, before anything runs.

    Args:
        design: from `read_design`.
        program: folder that has the program beside the workflow; what is not there is not checked.
        source: named in messages.

    Raises:
        DesignError: naming the nearest one that exists.
    """
    require_models(design["baselines"].values(), program, f"{source}: baselines")
    methods = [name for name in design["prelabels"].values() if name != "classical"]
    require_models(methods, program, f"{source}: prelabels")
    for name, model in design["models"].items():
        others = [start for start in model["inits"].values() if start not in STARTS]
        files = [start for start in others if start.endswith(".h5")]
        for file in files:
            if not Path(file).is_file():
                raise DesignError(f"\n  {source}: models.{name}.inits: {file}: no such file")
        where = f"{source}: models.{name}.inits"
        require_models([start for start in others if start not in files], program, where)
    _check_settings(design, source)


def check_splits(design: Mapping[str, Any], fields: Iterable[Field], source: str) -> None:
    """Every experiment needs fields to train on and to score on, and every set its groups.

    Raises:
        DesignError: naming what is missing.
    """
    fields = list(fields)
    simulated = design["data"].get("simulate")
    splits = set(simulated["fields"]) if simulated else {field.split for field in fields}
    used = {part["split"] for part in design["experiments"].values()}
    require(splits - {UNLABELLED}, {*SPLITS, *used}, f"{source}: splits of the fields")
    for name, part in design["experiments"].items():
        needed = [part["split"], *(["train"] if part["models"] else [])]
        require(needed, splits, f"{source}: experiments.{name}: splits of the fields")
    train = {field.group for field in fields if field.split == "train"}
    groups = simulated["cell_lines"] if simulated else train
    for name, part in design["training_sets"].items():
        wanted = part["groups"] if part["groups"] != "all" else ()
        require(wanted, groups, f"{source}: training_sets.{name}: groups with training fields")


def files_of(name: str, program: Path) -> list[Path]:
    """The files behind a name: a configuration or policy, weights, a model's folder; or none.

    Args:
        name: from the configuration.
        program: folder that has the program beside the workflow.
    """
    path = Path(name)
    if path.is_file():
        return [path]
    for folder in (path / "model", path):
        if (folder / "model.yaml").is_file():
            return [folder / "model.yaml", folder / "sha256"]
    shipped = program / "configs" / f"{name}.yaml"
    return [shipped] if shipped.is_file() else []


def require_models(names: Iterable[str], program: Path, where: str) -> None:
    """Refuse a model that is neither a folder nor the name of one that can be found.

    Args:
        names: of models.
        program: folder that has the program beside the workflow; what is not there is not checked.
        where: begins messages.

    Raises:
        DesignError: naming the nearest one that exists.
    """
    shipped = program / "nucseg_tf" / "weights"
    if not shipped.is_dir():
        return
    places = [shipped, *filter(Path.is_dir, map(Path, filter(None, [os.environ.get(VARIABLE)])))]
    known = sorted(folder.name for place in places for folder in place.iterdir() if folder.is_dir())
    require((name for name in names if not files_of(name, program)), known, where)


def _check_settings(design: Mapping[str, Any], source: str) -> None:
    """Let the program read what it will be given, where it is installed beside Snakemake."""
    try:
        from nucseg_tf.config import find_config, load_config
        from nucseg_tf.errors import ConfigError
    except ImportError:
        return
    used = {
        (training.model, design["policies"].get(training.policy, training.policy))
        for name in design["experiments"]
        for training in trainings(design, name)
    }
    asked = [(design["store"]["config"], design["set"], f"{source}: store")]
    for name, policy in sorted(used):
        model = design["models"][name]
        pairs = [*design["set"], *model["set"], f"augment={policy}"]
        pairs.append(f"training.batch={model['batch']}")
        asked.append((model["config"], pairs, f"{source}: models.{name}, {policy}"))
    for config, pairs, where in asked:
        try:
            load_config(find_config(Path(config)), tuple(pairs))
        except ConfigError as error:
            raise DesignError(f"\n  {where}: {error}") from error
