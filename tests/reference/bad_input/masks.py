"""Labels: `nucseg validate data` of a field and its mask, and `nucseg evaluate`."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import cv2
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
        "a mask in colour whose edges are blurred",
        lambda path: cv2.imwrite(str(path), cv2.GaussianBlur(_coloured(), (3, 3), 0)),
        (
            "is a colour image, but no mask",
            "Are edges blurred",
            "Save labels as 16-bit TIFF or PNG",
        ),
        file="a.png",
    ),
    mask(
        "a mask in colour on white",
        lambda path: cv2.imwrite(str(path), 255 - _coloured()),
        ("is a colour image without black, the background",),
        file="a.png",
    ),
    mask(
        "a mask in one colour",
        lambda path: cv2.imwrite(str(path), np.uint8([255, 0, 0]) * (LABELS > 0)[..., np.newaxis]),
        ("is a binary mask", "--split-binary"),
        0,
        file="a.png",
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
    mask(
        "a JSON that is none of labelme",
        lambda path: path.write_text('{"images": [], "annotations": []}'),
        ("is no file of labelme", "nucseg convert SET.json DATA --to labels"),
        file="a.json",
    ),
    mask(
        "labelme with a line",
        lambda path: _labelme(path, "line", [[1, 1], [5, 5]]),
        ("shape 1: a line of 2 points has no area", "Delete it in labelme"),
        file="a.json",
    ),
    mask(
        "labelme of a larger image",
        lambda path: _labelme(path, "polygon", [[1, 1], [9, 1], [9, 9]], 144),
        ("shape (144, 96) differs from (72, 96) of its image",),
        file="a.json",
    ),
    mask(
        "labelme whose polygon lies beyond the image",
        lambda path: _labelme(path, "polygon", [[1, 1], [900, 1], [9, 9]]),
        ("shape 1 lies beyond the image of 72 x 96 px", "Is it of another image"),
        file="a.json",
    ),
    mask(
        "labelme whose mask is no PNG",
        lambda path: _labelme(path, "mask", [[1, 1], [2, 2]], mask="bm9uZQ=="),
        ("shape 1: its mask cannot be read: no PNG. Draw it anew",),
        file="a.json",
    ),
    mask(
        "SVG of an image of another shape",
        lambda path: path.write_text(f'<svg viewBox="0 0 72 96">{SQUARE}</svg>'),
        ("its canvas of 72 x 96 (width x height) is not that of an image of 96 x 72 px",),
        file="a.svg",
    ),
    mask(
        "SVG with a path that is none",
        lambda path: path.write_text('<svg><path d="M1 1L5"/></svg>'),
        ("path 1: cannot be read: numbers are missing after L", "Save it as plain SVG"),
        file="a.svg",
    ),
    mask(
        "SVG whose nuclei are links",
        lambda path: path.write_text('<svg><use xlink:href="#n"/></svg>'),
        ("has a <use>, which is not followed", "Save it as plain SVG"),
        file="a.svg",
    ),
    mask(
        "SVG with entities (a bomb)",
        lambda path: path.write_text(
            '<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg>&b;</svg>'
        ),
        ("declares entities",),
        file="a.svg",
    ),
    mask(
        "SVG with a line and a text alone",
        lambda path: path.write_text('<svg><line x1="5"/><text>7</text></svg>'),
        ("left out, for it has no area: 1 line, 1 text", "has no nucleus"),
        0,
        file="a.svg",
    ),
    mask(
        "a stack in .npy",
        lambda path: np.save(path, np.stack([LABELS] * 3)),
        ("of shape (3, 72, 96), expected (H, W); save each image of a stack as STEM.npy",),
        file="a.npy",
    ),
    mask(
        "a pickle in .npy",
        lambda path: path.write_bytes(_evil()),
        ("holds a pickle, which is not read", "must be called STEM_seg.npy"),
        file="a.npy",
    ),
    mask(
        "a .npy that claims 10^12 numbers",
        lambda path: path.write_bytes(_header((10**6, 10**6), "<i4")),
        ("would take 4,000.0 GB of memory",),
        file="a.npy",
    ),
    mask(
        "a .npz with arrays of any name",
        lambda path: np.savez(path, x=LABELS, z=LABELS),
        ("which array? It has x.npy, z.npy. Call the one of labels `labels`",),
        file="a.npz",
    ),
    mask(
        "a .npz cut short",
        lambda path: path.write_bytes(b"PK\x03\x04 no zip"),
        ("cannot be read as an array of NumPy", "Save the labels of one image as (H, W)"),
        file="a.npz",
    ),
    mask("regions that are no JSON", _regions("{no"), ("a.regions.json",)),
    mask(
        "regions outside the image",
        _regions(json.dumps({"boxes": [[0, 0, 999, 999]]})),
        ("reaches over the edge of (72, 96). Mend its regions",),
    ),
)


def _evil() -> bytes:
    class Evil:
        def __reduce__(self):
            return (Path.touch, (Path("ran"),))

    return _header((), "|O") + pickle.dumps(np.array(Evil(), object))


def _header(shape: tuple[int, ...], kind: str) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": kind, "fortran_order": False, "shape": shape}
    )
    return stream.getvalue()


def _coloured() -> np.ndarray:
    """The labels in four colours, on black."""
    table = [(0, 0, 0), (255, 0, 0), (255, 255, 0), (255, 0, 255), (200, 255, 40)]
    return np.array(table, np.uint8)[LABELS]


def _labelme(path: Path, kind: str, points: list, height: int = 72, **more: str) -> None:
    shape = {"label": "nucleus", "shape_type": kind, "points": points, "group_id": None} | more
    path.write_text(
        json.dumps({"shapes": [shape], "imageHeight": height, "imageWidth": 96, "imagePath": "a"})
    )


SQUARE = '<path d="M2,3h4v4h-4z"/>'


def a_set(what: str, name: str, text: str, code: int, says: tuple[str, ...]) -> Case:
    """A data set of others that is bad."""
    return Case(
        what,
        f"convert {name} data --to labels",
        code,
        (name, *says),
        lambda folder: (folder / name).write_text(text),
    )


def _cvat(shapes: str, size: str = 'width="96" height="72"') -> str:
    images = [f'<image id="0" name="a.png" {size}>{shapes}</image>']
    images.append('<image id="1" name="b.png" width="96" height="72"/>')
    return f"<annotations><version>1.1</version>{''.join(images)}</annotations>"


SETS = (
    a_set("a set of COCO that is no JSON", "set.json", "{no", 1, ("is no JSON",)),
    a_set(
        "a file of labelme as a set",
        "set.json",
        '{"shapes": []}',
        1,
        ("is of labelme, and of one image",),
    ),
    a_set("an XML cut short", "set.xml", "<annotations><image", 1, ("cannot be read as XML",)),
    a_set("an XML that is none of CVAT", "set.xml", "<plate/>", 1, ("is no XML of CVAT",)),
    a_set(
        "CVAT for video",
        "set.xml",
        '<annotations><track id="0"><box frame="0"/></track></annotations>',
        1,
        ("has tracks of a video. Export it again from CVAT, as `CVAT for images 1.1`",),
    ),
    a_set(
        "CVAT with entities (a bomb)",
        "set.xml",
        '<!DOCTYPE a [<!ENTITY x "y">]><annotations>&x;</annotations>',
        1,
        ("declares a document type",),
    ),
    a_set(
        "CVAT with a line on one of two images",
        "set.xml",
        _cvat('<polyline label="nucleus" points="1,1;2,2"/>'),
        3,
        ("a.png: polyline 1: a polyline has no area. Delete it in CVAT",),
    ),
    a_set(
        "CVAT with run lengths that do not fill their box",
        "set.xml",
        _cvat('<mask label="nucleus" rle="1,2" left="0" top="0" width="5" height="5"/>'),
        3,
        ("a.png: mask 1: its run lengths do not fill its box of 5 x 5 px",),
    ),
    a_set(
        "CVAT without the size of an image",
        "set.xml",
        _cvat("", ""),
        3,
        ("a.png: its height and width are not given",),
    ),
    a_set(
        "CVAT that claims an image of 10^14 px",
        "set.xml",
        _cvat("", 'width="10000000" height="10000000"'),
        3,
        ("a.png: would take",),
    ),
    a_set(
        "CVAT with two images of a name",
        "set.xml",
        _cvat("").replace("b.png", "c/a.png"),
        1,
        ("several images are called 'a'; give each its own name",),
    ),
)


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
GROUPS = {
    "Masks: `nucseg validate`": VALIDATED,
    "Sets of others: `nucseg convert`": SETS,
    "Predictions: `nucseg evaluate`": EVALUATED,
}
