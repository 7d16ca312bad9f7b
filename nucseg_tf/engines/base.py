"""What an engine is: it makes of a network a fast function from arrays to arrays.

An engine asks for the network itself only where it needs it: one that kept a form of its own
computes without Keras. One line in `registry.ENGINES` adds an engine.

Letters: B images, h rows, w columns of a tile, K maps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import keras

Precision = Literal["f32", "bf16"]
Device = Literal["auto", "cpu", "gpu"]
Predict = Callable[[np.ndarray], np.ndarray]  # (B, h, w, 1) float32 -> (B, h, w, K) float32


class EngineError(Exception):
    """An engine that cannot compute a network, which another one may."""


class Source:
    """A network that is built when it is asked for.

    Args:
        build: builds it, and sets its weights.
        key: differs wherever networks or weights differ; "" where nothing is to be kept of it.
    """

    def __init__(self, build: Callable[[], keras.Model], key: str = ""):
        self._build, self.key = build, key

    @cached_property
    def network(self) -> keras.Model:
        """The network."""
        return self._build()


@dataclass(frozen=True)
class Compiled:
    """A network ready to compute: called with (B, h, w, 1) float32, it gives (B, h, w, K) float32.

    Attributes:
        predict: computes.
        source: of the network, for those who need more of it than its answer.
        engine: name of what computes.
        precision: it computes in.
        device: it computes on.
    """

    predict: Predict
    source: Source
    engine: str
    precision: Precision
    device: str

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return self.predict(batch)

    @property
    def network(self) -> keras.Model:
        """The network itself."""
        return self.source.network


class Engine(ABC):
    """Something that computes networks.

    Attributes:
        name: in options and the registry.
        package: that must be installed, "" for none beyond the program's own.
        precisions: it can compute in.
    """

    name: str
    package: str = ""
    precisions: tuple[Precision, ...] = ("f32",)

    @abstractmethod
    def compile(
        self, source: Source, precision: Precision = "f32", device: Device | None = None
    ) -> Compiled:
        """Make a network ready to compute; one compilation serves all shapes where it can.

        Args:
            source: of the network.
            precision: one of `precisions`.
            device: to compute on; None leaves everything as the caller has set it up.

        Raises:
            UsageError: the device is not there.
            EngineError: it does not compute this network.
        """
