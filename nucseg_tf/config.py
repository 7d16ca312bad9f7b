"""Configuration: frozen, strict, read from YAML.

An unknown key or a value out of range is an error that names the key, what came and, for a
misspelt key, the nearest one. Only the entry points of stages see these objects; layers and
functions get plain arguments.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    model_validator,
)
from pydantic import Field as Limits

from nucseg_tf.errors import ConfigError
from nucseg_tf.policy import check_steps

SHIPPED = Path(__file__).parent / "configs"  # in a checkout a link to the folder at the top

Fraction = Annotated[float, Limits(ge=0, le=1)]
Positive = Annotated[float, Limits(gt=0)]
Zoom = Annotated[float, Limits(ge=0.05, le=20)]
Count = Annotated[int, Limits(ge=1)]


def _ordered(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[0] > limits[1]:
        raise ValueError("the first must not be larger than the second")
    return limits


def _pair(value: Any) -> Any:
    return (value, value) if isinstance(value, int | float) else value


Positives = Annotated[tuple[Positive, Positive], AfterValidator(_ordered)]
Plane: TypeAlias = Annotated[int, Limits(ge=0)] | Literal["max"] | None  # None: only one
ModelName = Annotated[str, Limits(pattern=r"^\w[\w.-]*$")]


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class Detector(Strict):
    """Of Mask R-CNN alone: anchors, proposals, heads. Counts are for a ROI of 256 x 256 px."""

    sizes: tuple[Positive, ...] = (8.0, 16.0, 32.0, 64.0, 128.0)  # px, anchors of each level
    ratios: tuple[Positive, ...] = (0.5, 1.0, 2.0)  # width over height
    rpn_filters: Count = 64
    box_cells: Count = 7
    box_units: Count = 256
    mask_cells: Count = 28
    mask_filters: Annotated[int, Limits(ge=0)] = 32  # of finer features; 0: of the pyramid's own
    mask_convolutions: Count = 3
    mask_enlarge: bool = False
    most_nuclei: Count = 160  # true ones in a ROI; of more, the rest is left out of the training
    rpn_anchors: Count = 192  # that train the region proposal network
    train_proposals: Count = 200
    proposal_overlap: Fraction = 0.7  # IoU above which the worse of two is dropped
    rois: Count = 64  # that train the heads
    roi_share: Annotated[float, Limits(gt=0, lt=1)] = 0.5  # of nuclei among them, at most

    @model_validator(mode="after")
    def _levels(self) -> Detector:
        if len(self.sizes) != 5:
            raise ValueError("sizes: one for each of the five levels (strides 4 to 64 px)")
        return self


class Architecture(Strict):
    """What is needed to rebuild the network, apart from its weights."""

    family: Literal["fpn2ws", "mask_rcnn", "jacobkie"] = "fpn2ws"
    encoder: str = "efficientnetlite0"
    filters: Annotated[int, Limits(ge=8, le=512)] = 64
    aggregation: Literal["sum", "concat"] = "sum"
    head: Literal["subpixel", "upsample"] = "subpixel"
    networks: Literal[1, 2] = 1
    detector: Detector = Detector()  # of Mask R-CNN


class Normalisation(Strict):
    """Percentiles of the whole field that become 0 and 1."""

    low: Annotated[float, Limits(ge=0, lt=100)] = 1.0
    high: Annotated[float, Limits(gt=0, le=100)] = 99.8

    @model_validator(mode="after")
    def _ordered(self) -> Normalisation:
        if self.low >= self.high:
            raise ValueError("low must be smaller than high")
        return self


class Decode(Strict):
    """Thresholds of the watershed; tuned on the validation split after training."""

    seed: Fraction = 0.5  # of distance - seed_border * border
    seed_border: Fraction = 0.0
    peak: Fraction = 0.1  # by which a seed must rise above that threshold somewhere
    background: Fraction = 0.1  # smaller distances, away from a ridge, are surely background
    ridge: Fraction = 0.4  # larger borders are an edge or near one
    slope: Fraction = 0.0  # the flooded landscape is border - slope * distance
    min_area: Annotated[int, Limits(ge=0)] = 12
    max_area: Annotated[int, Limits(ge=0)] = 0  # 0: no limit


class Detect(Strict):
    """Thresholds of Mask R-CNN; tuned on the validation split after training."""

    score: Fraction = 0.5  # of detections that are kept
    overlap: Fraction = 0.6  # IoU of boxes above which the worse of two is dropped
    mask: Fraction = 0.5  # probability from which a pixel is nucleus
    same: Fraction = 0.5  # share of masks in common, above which they are one nucleus
    min_area: Annotated[int, Limits(ge=0)] = 12
    max_area: Annotated[int, Limits(ge=0)] = 0  # 0: no limit


class Positions(Strict):
    """Thresholds of the family jacobkie; tuned on the validation split after training."""

    zooms: Annotated[tuple[Zoom, ...], Limits(min_length=1)] = (0.25, 0.5, 1.0, 2.0)
    mask: Fraction = 0.5  # probability from which a pixel is nucleus
    step: Fraction = 0.05  # by which positions may contradict a common nucleus
    core: Count = 4  # px, smallest core of a nucleus
    score: Fraction = 0.3  # of nuclei that are kept
    same: Fraction = 0.5  # share of its pixels that a nucleus may lose to better ones
    min_area: Annotated[int, Limits(ge=0)] = 12
    max_area: Annotated[int, Limits(ge=0)] = 0  # 0: no limit


class Data(Strict):
    """How ROIs are drawn from the fields."""

    roi: Annotated[int, Limits(ge=64, multiple_of=32)] = 256
    shoulder: Annotated[int, Limits(ge=0)] = 8
    diameter: Positives = (8.0, 110.0)  # px; the zoom keeps a field's median nucleus within
    channel: Plane = None  # of images with several
    z: Plane = None  # of stacks
    blank: Fraction = 0.02  # share of ROIs of pure noise, without nuclei
    validation_fraction: Annotated[float, Limits(gt=0, lt=1)] = 0.2

    @model_validator(mode="after")
    def _something_counts(self) -> Data:
        if 2 * self.shoulder >= self.roi:
            raise ValueError(
                f"shoulder: {self.shoulder} px leave nothing of a ROI of {self.roi} px"
            )
        return self


class Policy(Strict):
    """Augmentation: resize factors of the crops, and what is done to each; see `policy`."""

    zoom: Annotated[tuple[Zoom, Zoom], AfterValidator(_ordered), BeforeValidator(_pair)] = (
        0.5,
        2.5,
    )
    steps: Annotated[list[dict[str, Any]], BeforeValidator(check_steps)] = []


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


def _check_counts(detector: Detector, roi: int) -> None:
    boxes = detector.most_nuclei + detector.train_proposals
    if detector.rois > boxes:
        raise ValueError(f"model.detector.rois: at most most_nuclei + train_proposals, {boxes}")
    anchors = len(detector.ratios) * sum((roi // stride) ** 2 for stride in (4, 8, 16, 32, 64))
    if detector.rpn_anchors > anchors:
        raise ValueError(f"model.detector.rpn_anchors: a ROI of this size has {anchors}")


class Config(Strict):
    """All of one training."""

    name: ModelName = "fpn2ws"
    model: Architecture = Architecture()
    normalisation: Normalisation = Normalisation()
    data: Data = Data()
    augment: Policy = Limits(
        default_factory=lambda: parse(Policy, policy_values("simple"), "simple")
    )
    training: Training = Training()
    decode: Decode = Decode()  # of FPN2-WS
    detect: Detect = Detect()  # of Mask R-CNN
    positions: Positions = Positions()  # of jacobkie

    @model_validator(mode="after")
    def _fits_family(self) -> Config:
        expected = {"fpn2ws": 2, "mask_rcnn": 5, "jacobkie": 2}[self.model.family]
        if len(self.training.loss_weights) not in (0, expected):
            raise ValueError(f"training.loss_weights: {self.model.family} has {expected} losses")
        if self.model.family == "mask_rcnn" and self.data.roi % 64:
            raise ValueError("data.roi: a multiple of 64 for mask_rcnn")
        if self.model.family == "mask_rcnn":
            _check_counts(self.model.detector, self.data.roi)
        return self


def _keys_at(location: tuple) -> list[str]:
    model: Any = Config
    for part in location:
        field = model.model_fields.get(part)
        if field is None or not isinstance(field.annotation, type):
            return []
        model = field.annotation
    return list(model.model_fields) if issubclass(model, BaseModel) else []


def _explain(error: ValidationError) -> str:
    lines = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            known = _keys_at(item["loc"][:-1])
            near = difflib.get_close_matches(str(item["loc"][-1]), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
            lines.append(f"{key}: unknown key; {hint}")
        else:
            lines.append(f"{key}: {item['msg']}. Received: {item['input']!r}")
    return "; ".join(lines)


def parse(model: type[BaseModel], values: Any, source: str) -> Any:
    """Validate a mapping against a schema.

    Raises:
        ConfigError: naming `source`, each key at fault and what is expected.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{source}: {_explain(error)}") from error


def read_yaml(path: Path) -> dict:
    """Read a YAML file that holds one mapping.

    Raises:
        ConfigError: if the file is missing, is no YAML, or holds something else.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read as YAML: {error}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected a mapping of keys to values, got {type(values)}.")
    return values


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
    raise ConfigError(f"{name}: no such file, nor one of: {', '.join(sorted(known))}.")


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
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"
        raise ConfigError(f"augment: no policy {name!r}; {hint}. A file of your own: NAME.yaml.")
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
            section[last] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(f"--set {override}: the value is no YAML: {error}") from error
    _insert_policy(values)
    return parse(Config, values, str(path))


def _insert_policy(values: dict, folder: Path | None = None) -> None:
    if isinstance(values.get("augment"), str):
        values["augment"] = policy_values(values["augment"], folder)


def to_yaml(config: BaseModel) -> str:
    """The resolved configuration, every key written out."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
