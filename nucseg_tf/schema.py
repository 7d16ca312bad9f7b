"""Strict schemas: frozen, read from YAML, with messages that say what to change.

An unknown key or a value out of range is an error that names the key, what came and, for a
misspelt key, the nearest one.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar, get_args, get_origin

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    create_model,
    field_validator,
)
from pydantic import Field as Limits

from nucseg_tf.errors import ConfigError, UsageError
from nucseg_tf.registry import FAMILIES
from nucseg_tf.suggest import nearest

if TYPE_CHECKING:
    from nucseg_tf.families.base import Family

MOST_YAML = 2**20  # characters; configurations have some thousand
MOST_DEPTH = 100  # of what is in one another
MOST_SHOWN = 200  # letters of a value in a message
Fraction = Annotated[float, Limits(ge=0, le=1)]
Positive = Annotated[float, Limits(gt=0)]
Zoom = Annotated[float, Limits(ge=0.05, le=20)]
Count = Annotated[int, Limits(ge=1)]
ModelName = Annotated[str, Limits(pattern=r"^\w[\w.-]*$")]


class Strict(BaseModel):
    """Frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_switch_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse true and false (and yes and no, of YAML) where they would pass for 1 and 0."""
        kind = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, bool) and kind in (int, float):
            raise ValueError("expected a number")
        return value


class Architecture(Strict):
    """What is needed to rebuild a network, apart from its weights; each family adds its own."""

    family: str
    encoder: str = "efficientnetlite0"
    filters: Annotated[int, Limits(ge=8, le=512)] = 64


Limit = TypeVar("Limit", bound="Thresholds")


class Thresholds(Strict):
    """Thresholds of a family's decoding, tuned on the validation split after training.

    Each family adds its own. All are meant at the scale that the network sees images at.
    """

    min_area: Annotated[int, Limits(ge=0)] = 12  # px
    max_area: Annotated[int, Limits(ge=0)] = 0  # px; 0: no limit

    def at(self: Limit, zoom: float) -> Limit:
        """The same with areas in px of the image that was enlarged by `zoom` for the network."""
        if zoom == 1 or not (self.min_area or self.max_area):
            return self
        smallest = round(self.min_area / zoom**2)
        largest = max(1, round(self.max_area / zoom**2)) if self.max_area else 0
        return self.model_copy(update={"min_area": smallest, "max_area": largest})


Own = TypeVar("Own", bound="OfFamily")


class OfFamily(Strict):
    """What has an architecture and thresholds, of which each family has its own kind.

    `of_family` makes the class for one: its architecture has the family's keys, and its thresholds
    stand in a section that is named by the family.
    """

    ARCHITECTURE: ClassVar[str]  # name of the field

    @property
    def family(self) -> Family:
        """The model family."""
        return FAMILIES[getattr(self, self.ARCHITECTURE).family]

    @property
    def thresholds(self) -> Any:
        """The thresholds of its decoding."""
        return getattr(self, self.family.section)

    def with_thresholds(self: Own, thresholds: Thresholds) -> Own:
        """The same with other thresholds."""
        return self.model_copy(update={self.family.section: thresholds})


@functools.cache
def of_family(base: type[Own], name: str) -> type[Own]:
    """A class with the sections of one family.

    Args:
        base: what all families have in common.
        name: of the family.

    Raises:
        UsageError: there is no such family.
    """
    family = FAMILIES[name]
    own: dict[str, Any] = {
        base.ARCHITECTURE: family.architecture,
        family.section: family.thresholds,
    }
    fields: dict[str, Any] = {key: (kind, kind()) for key, kind in own.items()}
    return create_model(base.__name__, __base__=base, **fields)


def _keys_at(model: Any, location: tuple) -> list[str]:
    for part in location:
        field = model.model_fields.get(part)
        if field is None or not isinstance(field.annotation, type):
            return []
        model = field.annotation
    return list(model.model_fields) if issubclass(model, BaseModel) else []


def _key(model: Any, location: tuple) -> str:
    """The key that a message is about, without pydantic's names of the kinds that it may be of."""
    kept: list[str] = []
    for part in location:
        kinds = (model, *get_args(model))
        fields = next((kind.model_fields for kind in kinds if hasattr(kind, "model_fields")), None)
        if kept and not (fields or isinstance(part, int) or get_origin(model) is dict):
            break
        kept.append(str(part))
        model = fields[part].annotation if fields and part in fields else None
    return ".".join(kept)


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    lines = []
    for item in error.errors():
        key = _key(model, item["loc"])
        if item["type"] == "extra_forbidden":
            known = _keys_at(model, item["loc"][:-1])
            lines.append(f"{key}: unknown key; {nearest(item['loc'][-1], known)}")
        else:
            text = item["msg"].removeprefix("Value error, ")
            lines.append(f"{key}: {text}. Received: {repr(item['input'])[:MOST_SHOWN]}")
    return "; ".join(lines)


def parse(model: type[BaseModel], values: Any, source: str) -> Any:
    """Validate a mapping against a schema.

    Raises:
        ConfigError: naming `source`, each key at fault and what is expected.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{source}: {_explain(error, model)}") from error


def read_values(base: type[Own], values: dict, source: str) -> tuple[Own, list[str]]:
    """Validate values by the schema of their family.

    What other families call theirs says nothing of this one and is left out: configurations and
    model folders once held the sections of all families.

    Args:
        base: `Config`, or another `OfFamily`.
        values: as read from YAML.
        source: for messages.

    Returns:
        The object, and the keys that were left out.

    Raises:
        ConfigError: naming `source`, each key at fault and what is expected.
    """
    arch = values.get(base.ARCHITECTURE, {})
    name = str(arch.get("family", FAMILIES.names()[0])) if isinstance(arch, dict) else ""
    try:
        schema = of_family(base, name) if isinstance(arch, dict) else base
    except UsageError as error:
        raise ConfigError(f"{source}: {base.ARCHITECTURE}.family: {error}") from error
    left_out: list[str] = []
    if isinstance(arch, dict):
        values, left_out = _without_others(values, schema, FAMILIES[name])
    return parse(schema, values, source), left_out


def _without_others(values: dict, schema: type[OfFamily], own: Family) -> tuple[dict, list[str]]:
    """The values without the sections and keys of other families, and the names of these."""
    section = schema.ARCHITECTURE
    arch = values.get(section, {})
    strange = {*values} - {*schema.model_fields}
    strange_arch = {*arch} - {*own.architecture.model_fields}
    if not strange and not strange_arch:
        return values, []
    others = [family for family in FAMILIES if family is not own]
    sections = strange & {family.section for family in others}
    keys = strange_arch & {key for family in others for key in family.architecture.model_fields}
    kept = {key: value for key, value in values.items() if key not in sections}
    if keys:
        kept[section] = {key: value for key, value in arch.items() if key not in keys}
    return kept, sorted([*sections, *(f"{section}.{key}" for key in keys)])


class _Loader(yaml.SafeLoader):
    """Refuses keys that are given twice, of which one would be lost, depth, and aliases.

    A few lines of aliases of aliases stand for more values than fit into memory.
    """

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            name = self.peek_event().anchor
            raise self._trouble(f"the alias *{name} is not read; write out what it stands for")
        if self.depth == MOST_DEPTH:
            raise self._trouble(f"it is nested too deeply, above {MOST_DEPTH} in one another")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _trouble(self, problem: str) -> yaml.MarkedYAMLError:
        """What is wrong with what comes next."""
        place = self.peek_event().start_mark
        return yaml.MarkedYAMLError(problem=problem, problem_mark=place)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict:
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key.value!r} is given twice; leave one of them out",
                    problem_mark=key.start_mark,
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def from_yaml(text: str) -> Any:
    """The value of a text.

    Raises:
        ValueError: it is no YAML, has aliases or a key twice, or is longer or nested deeper than
            what is meant.
    """
    if len(text) > MOST_YAML:
        raise ValueError(f"it has more than {MOST_YAML:,} characters")
    try:
        return _Loader(text).get_single_data()
    except Exception as error:  # of dates, numbers and the like that are none, whatever it is
        raise ValueError(_trouble_of(error)) from error


def _trouble_of(error: Exception) -> str:
    """What is wrong with a YAML text, and in which line, in one line."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return " ".join(str(error).split()) or repr(error)


def read_yaml(path: Path) -> dict:
    """Read a YAML file that holds one mapping.

    Raises:
        ConfigError: if the file is missing, is no YAML, is too large, or holds something else.
    """
    try:
        with path.open(encoding="utf-8") as stream:
            values = from_yaml(stream.read(MOST_YAML + 1))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: cannot be read as YAML: save it as UTF-8 ({error})") from error
    except ValueError as error:
        raise ConfigError(f"{path}: cannot be read as YAML: {error}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        found = "a list" if isinstance(values, list) else repr(values)[:MOST_SHOWN]
        raise ConfigError(f"{path}: expected a mapping of keys to values. Received: {found}")
    return values


def to_yaml(config: BaseModel) -> str:
    """The resolved configuration, every key written out."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
