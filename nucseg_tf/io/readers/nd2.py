"""ND2 of Nikon, by the package nd2 (BSD)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io import limits
from nucseg_tf.io.extras import load_extra
from nucseg_tf.io.readers.base import RawImage, Reader, Stack, refuse_several

_SIGNATURES = (b"\xda\xce\xbe\x0a", b"\0\0\0\x0cjP  \r\n\x87\n")  # since 2008; JPEG 2000 before


class Nd2Reader(Reader):
    """Positions of a file are scenes; frames are mapped, and read where pixels are asked for."""

    suffixes = (".nd2",)

    def recognises(self, head: bytes) -> bool:
        """Whether it is an ND2, or JPEG 2000, which old ones are."""
        return head.startswith(_SIGNATURES)

    def scenes(self, path: Path) -> tuple[str, ...]:
        """Names of the positions, or their numbers where names are missing or come twice."""
        with _opened(path) as file:
            count = file.sizes.get("P", 1)
            loops = [loop for loop in file.experiment if loop.type == "XYPosLoop"]
        names = [point.name or "" for loop in loops for point in loop.parameters.points]
        if count == 1:
            return ("",)
        whole = len(names) == count and all(names) and len(set(names)) == count
        return tuple(names if whole else map(str, range(count)))

    def read(self, path: Path) -> RawImage:
        """The only position; errors as of `read_scene`, or there are several."""
        refuse_several(path, self.scenes(path))
        return self.read_scene(path, 0)

    def read_scene(self, path: Path, number: int) -> RawImage:
        """A position; its pixels are read when they are asked for.

        Raises:
            ImageReadError: axes that cannot be chosen from.
        """
        with _opened(path) as file:
            sizes, dtype = dict(file.sizes), np.dtype(file.dtype)
            voxel, channels = file.voxel_size(), file.metadata.channels or []
        loops = tuple(axis for axis in sizes if axis not in "CYXS")
        strange = [axis for axis in loops if axis not in "TPZ"]
        if strange:
            raise ImageReadError(
                f"{path}: has axes {', '.join(strange)} that cannot be chosen from. Export what is "
                "wanted from NIS-Elements as a file of its own."
            )
        ahead = tuple(axis for axis in (*loops, "C") if axis in sizes and axis != "P")
        colour = "S" in sizes
        counts = tuple(sizes[axis] for axis in loops)

        def plane(place: tuple[int, ...]) -> Any:
            at = {**dict(zip(ahead, place, strict=True)), "P": number}
            index = np.ravel_multi_index([at[a] for a in loops], counts) if loops else 0
            return _Plane(path, int(index), at.get("C", 0), "C" in sizes)

        shape = tuple(sizes[axis] for axis in (*ahead, "Y", "X", *(["S"] if colour else [])))
        limits.check_windows(shape, dtype.itemsize, path, path.stat().st_size)
        names = tuple(str(channel.channel.name) for channel in channels)
        width, height, depth = (float(size) if size > 0 else None for size in voxel)
        calibrated = any(channel.volume.axesCalibrated[0] for channel in channels)
        return RawImage(
            Stack(shape, dtype, plane, plane_axes=3 if colour else 2),
            "".join(ahead) + ("YXS" if colour else "YX"),
            pixel_size=width if calibrated else None,
            pixel_height=height if calibrated and height != width else None,
            plane_distance=depth if calibrated and "Z" in sizes else None,
            channels=names if len(names) == sizes.get("C") else (),
        )


@dataclass(frozen=True)
class _Plane:
    """A channel of a frame, read where it is indexed.

    Attributes:
        path: of the file.
        frame: its number in the file.
        channel: which of the frame's.
        several: whether the frame has channels.
    """

    path: Path
    frame: int
    channel: int
    several: bool

    def __getitem__(self, index: tuple[int | slice, ...]) -> np.ndarray:
        with _opened(self.path) as file:
            # nd2 gives zeros for a frame that is not there, which would pass as an empty field.
            if not file.is_legacy and self.frame not in file._rdr._frame_offsets:
                raise ImageReadError(
                    f"{self.path}: frame {self.frame} is missing: the file is cut short, or "
                    "imaging was stopped. Copy it again, or save what there is in NIS-Elements."
                )
            pixels = file.read_frame(self.frame)  # mapped: only what is copied is read
            return np.array((pixels[self.channel] if self.several else pixels)[index])


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    nd2 = load_extra("nd2", "formats")
    with limits.BoundedFile(path) as bounded, nd2.ND2File(bounded) as file:
        yield file


READER = Nd2Reader()
