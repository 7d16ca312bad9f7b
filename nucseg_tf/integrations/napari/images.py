"""Image layers as images with named axes, and what their scale says of pixels.

D axes of a layer, colour samples not among them; H rows, W columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nucseg_tf.errors import ImageReadError, UsageError
from nucseg_tf.io.readers.base import RawImage

if TYPE_CHECKING:
    from napari.layers import Image, Layer

GUESS = {2: "YX", 3: "ZYX", 4: "TZYX", 5: "TCZYX"}  # where a layer does not name its axes
COLOURS = ("red", "green", "blue")


def guess_axes(layer: Image) -> str:
    """A letter an axis (D,): those that the layer names, else the usual ones."""
    letters = "".join(label[:1] for label in layer.axis_labels).upper()
    return letters if _is_known(letters) else GUESS.get(layer.ndim, "")


def check_axes(layer: Image, text: str) -> str:
    """The letters of a layer's axes, as the user gives them.

    Raises:
        UsageError: they do not fit the layer, or are not known.
    """
    letters = text.strip().upper()
    if len(letters) != layer.ndim or not _is_known(letters):
        raise UsageError(
            f"axes: expected {layer.ndim} letters of T (time), C (channel), Z (plane) and YX at "
            f"the end, each once. Received: {text!r}."
        )
    return letters


def _is_known(letters: str) -> bool:
    return (
        letters.endswith("YX")
        and set(letters[:-2]) <= set("TCZ")
        and len(set(letters)) == len(letters)
    )


def channel_names(layer: Image, axes: str) -> list[str]:
    """The channels that can be chosen from, by name or number; empty where there is one."""
    if layer.rgb:
        return list(COLOURS)
    if "C" not in axes:
        return []
    return [str(number) for number in range(_data(layer).shape[axes.index("C")])]


def as_raw(layer: Image, axes: str, pixel_size: float | None) -> RawImage:
    """A layer as an image that was read.

    Args:
        layer: with real pixels; of a pyramid the finest level counts.
        axes: (D,) letters.
        pixel_size: width of a pixel, µm; pixels are as high as the scale of the layer says.

    Raises:
        ImageReadError: its pixels are no real numbers.
    """
    data = _data(layer)
    if np.dtype(data.dtype).kind not in "uifb":
        raise ImageReadError(
            f"{layer.name}: pixels are {data.dtype}; expected whole numbers or floating point"
        )
    height, width = np.abs(layer.scale[-2:]).tolist()
    return RawImage(
        _Read(data),
        axes + "S" * layer.rgb,
        alpha=int(layer.rgb and data.shape[-1] == len(COLOURS) + 1),
        pixel_size=pixel_size,
        pixel_height=None if pixel_size is None else pixel_size * height / width,
    )


def pixel_size_of(layer: Layer) -> float | None:
    """Width of a pixel, µm, by the scale of a layer; None where it has none.

    Readers that know nothing of units give scales in µm, so a scale in pixels other than 1 is one.
    """
    width, unit = abs(float(layer.scale[-1])), layer.units[-1]
    if unit.is_compatible_with("meter"):
        return float((width * unit).to("micrometer").magnitude)
    return None if width == 1 else width


def _data(layer: Image) -> Any:
    return layer.data[0] if layer.multiscale else layer.data


class _Read:
    """Arrays of any kind (dask, zarr) as those of NumPy, read when they are asked for."""

    def __init__(self, data: Any):
        self._data, self.shape = data, tuple(data.shape)
        self.dtype = np.dtype(data.dtype)
        if self.dtype.kind == "b":
            self.dtype = np.dtype(np.uint8)

    def __getitem__(self, index: tuple[int | slice, ...], /) -> np.ndarray:
        return np.asarray(self._data[index]).astype(self.dtype, copy=False)
