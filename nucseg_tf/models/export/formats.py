"""What a form is in which networks are written for other programs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.engines.base import Source
from nucseg_tf.errors import UsageError

# From the arguments of a part, in the order of `Part.takes`, to what it gives.
Computes = Callable[..., Sequence[np.ndarray]]


@dataclass(frozen=True)
class Written:
    """A part of a network in another form.

    Attributes:
        file: that it is in, or a folder; relative.
        inputs, outputs: what the form calls the arguments and results, in their order.
        compute: computes it with what others compute it with.
    """

    file: Path
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    compute: Computes


class Format(ABC):
    """A form.

    Attributes:
        name: as users give it.
        packages: that writing and reading it takes, beyond the program's own.
    """

    name: str
    packages: tuple[str, ...] = ()

    @abstractmethod
    def write(
        self, source: Source, folder: Path, description: Mapping[str, Any]
    ) -> dict[str, Written]:
        """Write the parts of a network into a folder, and read them again.

        Args:
            source: of the network.
            folder: is there, and empty.
            description: what is said of the model; goes into the files where they have a place.

        Raises:
            EngineError: one cannot be written in this form.
        """

    def check(self) -> None:
        """Refuse to begin where packages are missing; UsageError."""
        missing = [name for name in self.packages if find_spec(name) is None]
        if missing:
            raise UsageError(
                f"--to {self.name}: {', '.join(missing)} not installed; "
                'pip install "nucseg-tf[export]"'
            )
