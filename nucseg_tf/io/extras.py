"""Packages that only some formats need: imported when a file of such a format comes."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from nucseg_tf.errors import DataError, ImageReadError


def load_extra(module: str, extra: str, failure: type[DataError] = ImageReadError) -> Any:
    """A module of a package that is not always installed.

    Args:
        module: its name.
        extra: of this package's optional dependencies, which brings it.
        failure: the type of the error, where it is missing.

    Raises:
        DataError: it cannot be imported; says what to install.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise failure(
            f"this format needs a package that is not installed or cannot be loaded ({error}): "
            f'pip install "nucseg-tf[{extra}]"'
        ) from error
