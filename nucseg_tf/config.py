"""Configuration: what may be said of a training, and what is said without saying.

Only the entry points of stages see these objects; layers and functions get plain arguments. What a
family alone needs stands in its own package, see `schema.of_family`.
"""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, model_validator
from pydantic import Field as Limits

from nucseg_tf.errors import ConfigError
from nucseg_tf.policy import check_steps
from nucseg_tf.schema import (
    Architecture,
    Count,
    Fraction,
    ModelName,
    OfFamily,
    Positive,
    Strict,
    Zoom,
    from_yaml,
    parse,
    read_values,
    read_yaml,
)
from nucseg_tf.suggest import nearest

LOG = logging.getLogger(__name__)
SHIPPED = Path(__file__).parent / "configs"  # in a checkout a link to the folder at the top


def _ordered(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[0] > limits[1]:
        raise ValueError("the first must not be larger than the second")
    return limits


def _pair(value: Any) -> Any:
    return (value, value) if isinstance(value, int | float) else value


Positives = Annotated[tuple[Positive, Positive], AfterValidator(_ordered)]
Plane: TypeAlias = Annotated[int, Limits(ge=0)] | Literal["max"] | None  # None: only one


class Normalisation(Strict):
    """Percentiles of the whole field that become 0 and 1."""

    low: Annotated[float, Limits(ge=0, lt=100)] = 1.0
    high: Annotated[float, Limits(gt=0, le=100)] = 99.8

    @model_validator(mode="after")
    def _ordered(self) -> Normalisation:
        if self.low >= self.high:
            raise ValueError("low must be smaller than high")
        return self


class Data(Strict):
    """How ROIs are drawn from the fields."""

    roi: Annotated[int, Limits(ge=64, multiple_of=32)] = 256
    shoulder: Annotated[int, Limits(ge=0)] = 8
    diameter: Positives = (8.0, 110.0)  # px; the zoom keeps a field's median nucleus within
    find_diameter: bool = False  # predict at the middle of `diameter`, whatever an image's scale
    channel: Plane = None  # of images with several
    z: Plane = None  # of stacks
    invert: bool = False  # exchange dark and bright
    split_binary: bool = False  # connected pieces of a mask of two values are nuclei
    blank: Fraction = 0.02  # share of ROIs of pure noise, without nuclei
    validation_fraction: Annotated[float, Limits(gt=0, lt=1)] = 0.2

    @model_validator(mode="after")
    def _something_counts(self) -> Data:
        if 2 * self.shoulder >= self.roi:
            raise ValueError(
                f"shoulder: {self.shoulder} px leave nothing of a ROI of {self.roi} px"
            )
        return self

    @property
    def reading(self) -> dict[str, Any]:
        """What `data.fields.load_field` takes."""
        return {name: getattr(self, name) for name in ("channel", "z", "invert", "split_binary")}

    @property
    def middle(self) -> float:
        """The diameter, px, that is as far from one end of `diameter` as from the other."""
        return math.sqrt(math.prod(self.diameter))


class Compose(Strict):
    """Shares of ROIs into which something is put before the steps; see `data.compose`."""

    touching: Fraction = 0.0  # nuclei of other fields, beside those that are there
    bright: Fraction = 0.0  # one nucleus outshines the others
    blurred: Fraction = 0.0  # light of nuclei out of focus
    haze: Fraction = 0.0  # smooth stray light
    debris: Fraction = 0.0  # specks, fibres, smudges
    jpeg: Fraction = 0.0  # what its compression leaves
    empty: Fraction = 0.0  # no nuclei, debris alone


class Policy(Strict):
    """Augmentation: resize factors of the crops, and what is done to each; see `policy`."""

    zoom: Annotated[tuple[Zoom, Zoom], AfterValidator(_ordered), BeforeValidator(_pair)] = (
        0.5,
        2.5,
    )
    compose: Compose = Compose()
    steps: Annotated[list[dict[str, Any]], BeforeValidator(check_steps)] = Limits(
        default_factory=list
    )


class Training(Strict):
    """Length and pace."""

    batch: Count = 8  # ROIs of a step, divided among the devices
    devices: Count | Literal["auto"] = "auto"  # all GPUs that divide the batch; one without any
    steps_per_epoch: Count = 100
    cold_epochs: Annotated[int, Limits(ge=0)] = 1  # encoder frozen; only if pre-initialised
    epochs: Count = 40  # in all, cold ones included
    learning_rate: Positive = 1e-3
    schedule: Literal["plateau", "cosine", "steps"] = "plateau"
    steps_at: tuple[Fraction, ...] = (0.6, 0.8)  # of "steps": a tenth of the rate from each on
    plateau_factor: Annotated[float, Limits(gt=0, lt=1)] = 0.1
    plateau_patience: Count = 8
    stop_patience: Annotated[int, Limits(ge=0)] = 15  # 0: never stop early
    loss_weights: tuple[float, ...] = ()  # of the family's losses; all 1 without
    average: Annotated[float, Limits(ge=0, lt=1)] = 0.99  # of weights (EMA) a step; 0: none
    threads: Count = 2
    seed: Annotated[int, Limits(ge=0, le=2_000_000_000)] = 1

    @model_validator(mode="after")
    def _divides(self) -> Training:
        if self.devices != "auto" and self.batch % self.devices:
            raise ValueError(
                f"batch: {self.batch} cannot be divided among {self.devices} devices; "
                f"expected a multiple of {self.devices}"
            )
        return self


class Config(OfFamily):
    """All of one training."""

    ARCHITECTURE = "model"
    name: ModelName = "model"
    model: Architecture
    normalisation: Normalisation = Normalisation()
    data: Data = Data()
    augment: Policy = Limits(
        default_factory=lambda: parse(Policy, policy_values("simple"), "simple")
    )
    training: Training = Training()

    @model_validator(mode="after")
    def _fits_family(self) -> Config:
        count = len(self.family.losses)
        if len(self.training.loss_weights) not in (0, count):
            raise ValueError(f"training.loss_weights: {self.model.family} has {count} losses")
        self.family.check(self)
        return self


def make_config(values: dict | None = None, source: str = "configuration") -> Config:
    """A configuration of nested values; what they leave out is as usual.

    Raises:
        ConfigError: naming `source`, each key at fault and what is expected.
    """
    config, left_out = read_values(Config, values or {}, source)
    if left_out:
        LOG.warning("%s: %s: of other families, left out", source, ", ".join(left_out))
    return config


def find_config(name: Path) -> Path:
    """The file of a configuration given by path, or by the name of one in the package.

    Raises:
        ConfigError: naming what the package has, if there is no such file.
    """
    if name.exists():
        return name
    known = {file.stem: file for file in SHIPPED.glob("*.yaml")}
    if str(name) in known:
        return known[str(name)]
    raise ConfigError(f"{name}: no such file or configuration; {nearest(name, sorted(known))}")


def policy_values(name: str, folder: Path | None = None) -> dict:
    """The contents of a policy, given by path or by the name of one in the package.

    Args:
        name: of the policy.
        folder: that a relative path is meant from; the working folder without it.

    Raises:
        ConfigError: if there is none, naming the nearest.
    """
    file = (folder or Path()) / name
    if file.suffix.lower() in (".yaml", ".yml") and file.is_file():
        return read_yaml(file)
    known = {file.stem: file for file in (SHIPPED / "policies").glob("*.yaml")}
    if name not in known:
        hint = nearest(name, sorted(known))
        raise ConfigError(f"augment: no policy {name!r}, nor such a file NAME.yaml; {hint}")
    return read_yaml(known[name])


def load_config(path: Path, overrides: tuple[str, ...] = ()) -> Config:
    """Read a training configuration.

    Args:
        path: YAML file.
        overrides: "section.key=value" each; the value is read as YAML.

    Raises:
        ConfigError: as `parse` and `read_yaml`, or for an override that is not KEY=VALUE.
    """
    values = read_yaml(path)
    _insert_policy(values, path.parent)
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals:
            raise ConfigError(f"--set {override}: expected KEY=VALUE, as training.epochs=10.")
        *parents, last = key.strip().split(".")
        section = values
        for parent in parents:
            section = section.setdefault(parent, {})
            if not isinstance(section, dict):
                raise ConfigError(f"--set {override}: {parent!r} is not a section.")
        try:
            section[last] = from_yaml(text)
        except ValueError as error:
            raise ConfigError(f"--set {override}: the value is no YAML: {error}") from error
    _insert_policy(values)
    return make_config(values, str(path))


def _insert_policy(values: dict, folder: Path | None = None) -> None:
    if isinstance(values.get("augment"), str):
        values["augment"] = policy_values(values["augment"], folder)
