"""Labels: `nucseg validate data` of a field and its mask, and `nucseg evaluate`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from reference.bad_input.case import Case
from reference.drawn import drawn_nuclei

from nucseg_tf.io.labels import write_labels

GREY, LABELS = drawn_nuclei()


def field(folder: Path, name: str = "a", mask: bool = True) -> None:
    """A good image in images/, and its labels in masks/."""
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(folder / "images" / f"{name}.tif", GREY)
    if mask:
        write_labels(folder / "masks" / f"{name}.tif", LABELS)


def mask(
    what: str,
    write: Callable[[Path], object],
    says: tuple[str, ...],
    code: int = 1,
    file: str = "a.tif",
    options: str = "",
) -> Case:
    """A field whose mask is bad, beside one that is good."""

    def draw(folder: Path) -> None:
        field(folder / "data", "good")
        field(folder / "data", mask=False)
        write(folder / "data" / "masks" / file)

    named = says if any(".tif" in words for words in says) else (file, *says)
    return Case(what, f"validate data {options}".strip(), code, named, draw)


def tiff(labels: np.ndarray, **options) -> Callable[[Path], object]:
    """A mask of these values."""
    return lambda path: tifffile.imwrite(path, labels, **options)


def _regions(text: str) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        write_labels(path, LABELS)
        path.with_name("a.regions.json").write_text(text)

    return write


VALIDATED = (
    mask("labels in floating point with a half", tiff(LABELS / 2), ("whole numbers",)),
    mask(
        "labels with NaN",
        tiff(np.where(LABELS == 1, np.nan, LABELS).astype(np.float32)),
        ("whole numbers",),
    ),
    mask("negative labels", tiff(-LABELS.astype(np.int16)), ("negative",)),
    mask(
        "labels beyond 2^31",
        tiff(LABELS.astype(np.uint32) * 2**30 + 2**31),
        ("holds values above 2,147,483,647",),
    ),
    mask("a mask of another shape", tiff(LABELS[:40]), ("differs from",)),
    mask("a mask turned by 90 degrees", tiff(LABELS.T.copy()), ("differs from",)),
    mask(
        "a mask in colour",
        tiff(np.stack([LABELS, LABELS * 2, LABELS * 3], -1).astype(np.uint8), photometric="rgb"),
        (
            "is a colour image; expected one whole number per pixel",
            "Save labels as 16-bit TIFF or PNG",
        ),
    ),
    mask(
        "a stack as a mask",
        tiff(
            np.stack([LABELS, LABELS.max() - LABELS, LABELS]).astype(np.uint16),
            photometric="minisblack",
        ),
        (),
    ),
    mask("an empty mask file", lambda path: path.write_bytes(b""), ("0 bytes",)),
    mask(
        "a mask cut short",
        lambda path: (write_labels(path, LABELS), path.write_bytes(path.read_bytes()[:200])),
        ("damaged, cut short", "Copy or export the file again."),
    ),
    mask(
        "a JPEG as a mask",
        lambda path: path.write_bytes(b"\xff\xd8\xff\xe0no image"),
        ("damaged, cut short",),
        file="a.jpg",
    ),
    mask("no nucleus in it", tiff(np.zeros_like(LABELS)), ("has no nucleus",), 0),
    mask(
        "a binary mask",
        tiff((LABELS > 0).astype(np.uint8) * 255),
        ("is a binary mask", "--split-binary"),
        0,
    ),
    mask("no mask of the image", lambda path: None, ("has no mask of the same name",)),
    mask(
        "two masks of an image",
        lambda path: (
            write_labels(path, LABELS),
            write_labels(path.with_name("a_masks.tif"), LABELS),
        ),
        ("has more than one mask",),
    ),
    mask(
        "a mask without image",
        lambda path: (write_labels(path, LABELS), write_labels(path.with_name("b.tif"), LABELS)),
        ("b.tif", "has no image of the same name"),
    ),
    mask(
        "Cellpose's _seg.npy cut short",
        lambda path: path.write_bytes(b"\x93NUMPY\x01\x00"),
        ("cannot be read as Cellpose's _seg.npy", "Save the masks as TIFF or PNG in Cellpose"),
        file="a_seg.npy",
    ),
    mask(
        "Cellpose's _seg.npy with a pickle that would run code",
        lambda path: path.write_bytes(_evil()),
        ("cannot be read as Cellpose's _seg.npy",),
        file="a_seg.npy",
    ),
    mask(
        "GeoJSON that is no JSON",
        lambda path: path.write_text("{no"),
        ("is no JSON", "Export it again"),
        file="a.geojson",
    ),
    mask(
        "GeoJSON with points alone",
        lambda path: path.write_text(
            json.dumps(
                {
                    "type": "FeatureCollection",
                    "features": [
                        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 1]}}
                    ],
                }
            )
        ),
        ("a Point has no area",),
        file="a.geojson",
    ),
    mask(
        "ROIs of ImageJ in a damaged zip",
        lambda path: path.write_bytes(b"PK\x03\x04no zip"),
        ("cannot be read as zip file", "Download it again"),
        file="a_rois.zip",
    ),
    mask("regions that are no JSON", _regions("{no"), ("a.regions.json",)),
    mask(
        "regions outside the image",
        _regions(json.dumps({"boxes": [[0, 0, 999, 999]]})),
        ("reaches over the edge of (72, 96). Mend its regions",),
    ),
)


def _evil() -> bytes:
    import io
    import pickle

    class Evil:
        def __reduce__(self):
            return (Path.touch, (Path("ran"),))

    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": "|O", "fortran_order": False, "shape": ()}
    )
    return stream.getvalue() + pickle.dumps(np.array(Evil(), object))


def evaluated(
    what: str, draw: Callable[[Path, Path], object], code: int, says: tuple[str, ...]
) -> Case:
    """Truth and predictions in two folders."""

    def both(folder: Path) -> None:
        truth, found = folder / "truth", folder / "found"
        truth.mkdir()
        found.mkdir()
        for name in ("a", "b"):
            write_labels(truth / f"{name}.tif", LABELS)
            write_labels(found / f"{name}_labels.tif", LABELS)
        draw(truth, found)

    return Case(what, "evaluate truth found --out out", code, says, both)


EVALUATED = (
    evaluated(
        "a prediction missing",
        lambda truth, found: (found / "a_labels.tif").unlink(),
        1,
        (
            "found: no prediction (STEM_labels.tif or STEM.ext) for 1 of 2 images: a.",
            "Predict them first",
        ),
    ),
    evaluated(
        "a prediction of another shape",
        lambda truth, found: write_labels(found / "a_labels.tif", LABELS[:40]),
        3,
        ("a_labels.tif",),
    ),
    evaluated(
        "a prediction cut short",
        lambda truth, found: (found / "a_labels.tif").write_bytes(b"II*\0"),
        3,
        ("a_labels.tif",),
    ),
    evaluated(
        "all predictions cut short",
        lambda truth, found: [(found / f"{n}_labels.tif").write_bytes(b"II*\0") for n in "ab"],
        1,
        ("none of 2 images could be scored",),
    ),
    evaluated(
        "no truth",
        lambda truth, found: [f.unlink() for f in truth.iterdir()],
        1,
        ("truth: expected label images", "found none"),
    ),
    evaluated(
        "two truths of an image",
        lambda truth, found: write_labels(truth / "a.tiff", LABELS),
        1,
        ("a.tif and a.tiff claim the same image; remove one",),
    ),
    Case(
        "a folder of truth that is not there",
        "evaluate none found --out out",
        2,
        ("none: no such folder",),
        lambda folder: (folder / "found").mkdir(),
    ),
    Case(
        "a folder of predictions that is not there",
        "evaluate truth none --out out",
        2,
        ("none: no such folder",),
        lambda folder: (folder / "truth").mkdir(),
    ),
)
GROUPS = {"Masks: `nucseg validate`": VALIDATED, "Predictions: `nucseg evaluate`": EVALUATED}
