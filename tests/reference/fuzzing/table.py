"""All targets, by the module that has them."""

from __future__ import annotations

from importlib import import_module

from reference.fuzzing.target import Target

MODULES = ("documents", "project", "images", "files", "words")


def targets_of(module: str) -> dict[str, Target]:
    """The targets of one module by name; the others, and what they need, are not imported."""
    found = import_module(f"reference.fuzzing.{module}").TARGETS
    return {target.name: target for target in found}


def all_targets() -> dict[str, Target]:
    """All of them."""
    return {name: target for module in MODULES for name, target in targets_of(module).items()}
