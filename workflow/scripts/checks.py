"""Validation by JSON schema, with messages for people."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError


class DesignError(Exception):
    """The configuration or the sample sheet cannot be used."""


def check(values: Any, schema: Path, source: str) -> Any:
    """Validate values against a schema, and fill in its defaults.

    Args:
        values: from YAML or CSV.
        schema: YAML file.
        source: named in messages.

    Returns:
        The values with defaults.

    Raises:
        DesignError: naming each place at fault, what came, and the nearest known name.
    """
    content = yaml.safe_load(schema.read_text(encoding="utf-8"))
    errors = sorted(Draft202012Validator(content).iter_errors(values), key=lambda e: str(e.path))
    if errors:
        raise DesignError("".join(f"\n  {source}: {_explain(error)}" for error in errors))
    return _filled(values, content, content.get("$defs", {}))


def require(names: Iterable[str], known: Iterable[str], what: str) -> None:
    """Refuse a name that is not known.

    Args:
        names: to look up.
        known: to look them up in.
        what: begins the message.

    Raises:
        DesignError: naming the nearest known name.
    """
    known = list(known)
    for name in names:
        if name not in known:
            raise DesignError(f"\n  {what}: there is no {name!r}; {_nearest(name, known)}")


def _explain(error: ValidationError) -> str:
    place = ".".join(str(part) for part in error.absolute_path)
    place = f"{place}: " if place else ""
    if error.validator == "additionalProperties":
        known = list(error.schema["properties"])
        unknown = [key for key in error.instance if key not in known]
        return place + "; ".join(f"unknown key {key!r}; {_nearest(key, known)}" for key in unknown)
    if error.validator == "enum":
        known = list(map(str, error.validator_value))
        return f"{place}{_nearest(str(error.instance), known)}; received {error.instance!r}"
    if error.validator in ("pattern", "type") and "description" in error.schema:
        return f"{place}{error.instance!r}: {error.schema['description']}"
    if error.validator == "required":
        return f"{place}{error.message.replace('is a required property', 'is missing')}"
    if error.validator in ("minProperties", "maxProperties") and place == "data: ":
        return "data: expected one of samples and simulate"
    if error.validator == "oneOf":
        return f"{place}expected all, or a list of groups. Received: {error.instance!r}"
    return f"{place}{error.message}"


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(map(str, known))}"


def _filled(values: Any, schema: dict, definitions: dict) -> Any:
    """Values with the defaults of a schema, at every depth."""
    if "$ref" in schema:
        schema = {**definitions[schema["$ref"].rpartition("/")[2]], **schema}
    if not isinstance(values, dict):
        return values
    properties = schema.get("properties", {})
    filled = {}
    for name, part in properties.items():
        part = {**definitions.get(part.get("$ref", "").rpartition("/")[2], {}), **part}
        if name in values or "default" in part:
            filled[name] = _filled(values.get(name, part.get("default")), part, definitions)
    rest = schema.get("additionalProperties")
    for name, value in values.items():
        if name not in properties:
            filled[name] = _filled(value, rest, definitions) if isinstance(rest, dict) else value
    return filled
