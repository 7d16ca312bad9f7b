"""What an engine is: it makes of the parts of a network fast functions from arrays to arrays.

Most networks have one part, the whole; a family whose network is asked several things divides it
(`Family.parts`). An engine asks for the network itself only where it needs it: one that kept a
form of its own computes without Keras. One line in `registry.ENGINES` adds an engine.

Letters: B images, h rows, w columns of a tile, K maps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    import keras

Precision = Literal["f32", "bf16"]
Device = Literal["auto", "cpu", "gpu"]
Compute = Callable[..., Any]  # of a `Part`, compiled
WHOLE = "network"  # the only part of most networks


class EngineError(Exception):
    """An engine that cannot compute a network, which another one may."""


@dataclass(frozen=True)
class Part:
    """What is compiled in one piece: a function of a network.

    Attributes:
        function: of `keras.ops`, from float32 arrays to one, or to a sequence of them.
        inputs: shape of each argument, None where it is open.
        exact: computed in f32 whatever is asked for, as where pixels are found by their places.
        takes, gives: names of the arguments and of what comes back, by which others know them; what
            one part gives another one takes under the same name.
    """

    function: Callable[..., Any]
    inputs: tuple[tuple[int | None, ...], ...]
    exact: bool = False
    takes: tuple[str, ...] = ("image",)
    gives: tuple[str, ...] = ("maps",)


Parts = Mapping[str, Part]


def whole(network: keras.Model) -> Parts:
    """The only part of a network from (B, h, w, 1) to (B, h, w, K)."""
    return {WHOLE: Part(lambda batch: network(batch, training=False), ((None, None, None, 1),))}


class Source:
    """A network that is built when it is asked for.

    Args:
        build: builds it, and sets its weights.
        key: differs wherever networks or weights differ; "" where nothing is to be kept of it.
        split: into parts, by name.
    """

    def __init__(
        self,
        build: Callable[[], keras.Model],
        key: str = "",
        split: Callable[[Any], Parts] = whole,
    ):
        self._build, self.key, self._split = build, key, split

    @cached_property
    def network(self) -> keras.Model:
        """The network."""
        return self._build()

    @property
    def parts(self) -> Parts:
        """What engines compile of the network."""
        return self._split(self.network)


@dataclass(frozen=True)
class Compiled:
    """A network ready to compute: called with (B, h, w, 1) float32, it gives (B, h, w, K) float32.

    One that is not one part has no such answer: its family calls its parts.

    Attributes:
        parts: compute, by name: what `np.asarray` makes float32 arrays of, and other parts take.
        source: of the network, for those who need more of it than its answer.
        engine: name of what computes.
        precision: it computes in.
        device: it computes on.
    """

    parts: Mapping[str, Compute]
    source: Source
    engine: str
    precision: Precision
    device: str

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return np.asarray(self.parts[WHOLE](batch))

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
