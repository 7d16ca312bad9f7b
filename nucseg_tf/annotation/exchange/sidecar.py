"""nucseg_regions.json: what an export must remember for its labels to come back to whole fields.

It goes along in the project. Supervisely and CVAT do not give it back, so keep the export. It holds
the exported labels, too: they tell what was edited, and stand in for regions that do not come back.
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from nucseg_tf.annotation.exchange.regions import Region
from nucseg_tf.errors import DataError, UsageError
from nucseg_tf.io.archives import Source, validated
from nucseg_tf.io.boxes import find_nuclei
from nucseg_tf.io.runs import from_runs, to_runs

FILE = "nucseg_regions.json"
FORMAT = 1
MAX_SIDE = 100_000  # px
MAX_PIXELS = 2**28  # of a field; 1 GiB as labels
Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]
Edge = Annotated[int, Field(ge=0, le=MAX_SIDE)]


@dataclass(frozen=True)
class ExportedField:
    """A field that was exported.

    Attributes:
        group: folder below masks, or "".
        stem: name of the image without suffix.
        pixel_size: µm, or None.
        shape: (H, W).
        packed: the labels as exported; see `pack`.
        regions: by the name of their image.
    """

    group: str
    stem: str
    pixel_size: float | None
    shape: tuple[int, int]
    packed: str
    regions: dict[str, Region]

    def __post_init__(self) -> None:
        """Names become paths when labels come back, so they must be plain.

        Raises:
            DataError: one of them is not.
        """
        for name in (self.group, self.stem):
            rooted = name[1:2] == ":" or name.startswith(".")
            if rooted or not name.isprintable() or {*name} & {"/", "\\"}:
                raise DataError(f"{name!r} is no plain name of a file or folder; rename it")

    @property
    def key(self) -> str:
        """GROUP/STEM, or STEM without a group."""
        return f"{self.group}/{self.stem}" if self.group else self.stem

    def labels(self) -> np.ndarray:
        """(H, W) int32, unpacked with each call: all fields at once may not fit into the memory.

        Raises:
            DataError: they are damaged, or do not fit the regions.
        """
        limit = (
            8 * self.shape[0] * self.shape[1]
        )  # a run is two numbers, and holds a pixel at least
        try:
            inflate = zlib.decompressobj()
            data = inflate.decompress(base64.b64decode(self.packed, validate=True), limit)
            if not inflate.eof:
                raise ValueError("cut short, or too long")
            labels = from_runs(np.frombuffer(data, "<u4"), self.shape)
            owned = sorted(label for region in self.regions.values() for label in region.nuclei)
            there = find_nuclei(labels)
            if labels.min() < 0 or owned != list(there):
                raise ValueError("nuclei are not in exactly one region each")
        except (ValueError, zlib.error) as error:
            raise DataError(
                f"{FILE}: {self.key}: labels are damaged: {error}. Take the file of the export, or "
                "export again."
            ) from error
        return labels


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Region(_Strict):
    image: str
    box: tuple[Edge, Edge, Edge, Edge]
    cell: tuple[Edge, Edge, Edge, Edge]
    nuclei: list[Annotated[int, Field(ge=1, le=2**31 - 1)]]


class _Field(_Strict):
    group: str
    stem: Annotated[str, Field(min_length=1)]
    height: Side
    width: Side
    pixel_size: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None
    labels: str
    regions: list[_Region]

    @model_validator(mode="after")
    def _inside(self) -> Self:
        """Sizes become memory, and boxes slices, so they must be sane."""
        if self.height * self.width > MAX_PIXELS:
            raise ValueError(f"a field of more than {MAX_PIXELS:,} pixels")
        for region in self.regions:
            for box in (region.box, region.cell):
                if not (box[0] <= box[2] <= self.height and box[1] <= box[3] <= self.width):
                    raise ValueError(f"the box {box} reaches beyond the field")
        return self


class _Sidecar(_Strict):
    format: Literal[1]
    fields: list[_Field]


def to_json(fields: list[ExportedField]) -> bytes:
    """The content of the file."""
    entries = [
        {
            "group": field.group,
            "stem": field.stem,
            "height": field.shape[0],
            "width": field.shape[1],
            "pixel_size": field.pixel_size,
            "labels": field.packed,
            "regions": [
                {"image": name, "box": region.box, "cell": region.cell, "nuclei": region.nuclei}
                for name, region in field.regions.items()
            ],
        }
        for field in fields
    ]
    return json.dumps({"format": FORMAT, "fields": entries}).encode()


def find(source: Source, file: Path | None) -> list[ExportedField]:
    """The exported fields of a project.

    Args:
        source: the project.
        file: the sidecar file of its export, where it is not in the project.

    Raises:
        UsageError: it is in neither place.
        DataError: it is damaged.
    """
    if file is not None:
        if not file.is_file():
            raise UsageError(f"--regions: {file}: no such file; expected {FILE} of the export")
        return _read(
            Source(file.parent, [file.name], lambda _, limit: _head(file, limit)), file.name
        )
    found = sorted(
        (n for n in source.names if n.split("/")[-1] == FILE), key=lambda n: n.count("/")
    )
    if not found:
        raise UsageError(
            f"{source.path}: has no {FILE}, which says how the fields were cut. Give the one of "
            f"the export: --regions EXPORT/{FILE}. Of data sets of others, it needs "
            "annotations.xml (CVAT), instances_NAME.json (COCO) or DATASET/ann/NAME.json "
            "(Supervisely)"
        )
    return _read(source, found[0])


def _read(source: Source, name: str) -> list[ExportedField]:
    where = f"{source.path}: {name}"
    fields = []
    keys: set[str] = set()
    images: set[str] = set()
    for entry in validated(_Sidecar, source.json(name), where).fields:
        regions = {r.image: Region(r.box, r.cell, tuple(r.nuclei)) for r in entry.regions}
        shape = (entry.height, entry.width)
        field = ExportedField(
            entry.group, entry.stem, entry.pixel_size, shape, entry.labels, regions
        )
        twice = len(regions) < len(entry.regions) or field.key in keys or images & {*regions}
        if twice or not regions:
            raise DataError(
                f"{where}: {field.key}: a name is there twice, or it has no regions. Export the "
                "fields again."
            )
        keys.add(field.key)
        images |= {*regions}
        fields.append(field)
    return fields


def pack(labels: np.ndarray) -> str:
    """Labels as base64 of deflated runs (little-endian uint32), see `patches.to_runs`."""
    return base64.b64encode(zlib.compress(to_runs(labels).astype("<u4").tobytes(), 6)).decode()


def _head(file: Path, limit: int) -> bytes:
    with file.open("rb") as opened:
        return opened.read(limit)
