"""Label images in formats of other programs, written pixel by pixel and without our own outlines.

Each nucleus is drawn as its runs of pixels, row by row, which any format can hold.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
from PIL import Image


def runs_of(mask: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Row, first column and column behind the last of each run of pixels."""
    for row, line in enumerate(mask.tolist()):
        start = None
        for column, inside in enumerate([*line, False]):
            if inside and start is None:
                start = column
            elif not inside and start is not None:
                yield row, start, column
                start = None


def _rectangles(mask: np.ndarray) -> list[list[list[int]]]:
    """A polygon of four corners (x, y) of each run."""
    return [[[a, y], [b, y], [b, y + 1], [a, y + 1]] for y, a, b in runs_of(mask)]


def _boxes(labels: np.ndarray) -> Iterator[tuple[int, int, int, np.ndarray]]:
    """Each label with the row, column and mask of its box."""
    for label in np.unique(labels[labels > 0]).tolist():
        rows, columns = np.nonzero(labels == label)
        top, left = int(rows.min()), int(columns.min())
        mask = (labels == label)[top : rows.max() + 1, left : columns.max() + 1]
        yield label, top, left, mask


def png_text(mask: np.ndarray) -> str:
    """A mask as base64 of a PNG, as labelme keeps it."""
    buffer = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def labelme_file(path: Path, labels: np.ndarray, masks: bool = False) -> Path:
    """As labelme: a mask of each nucleus, or a group of polygons."""
    shapes = []
    for label, top, left, mask in _boxes(labels):
        common = {"label": "nucleus", "flags": {}, "group_id": None if masks else label}
        if masks:
            ends = [[left, top], [left + mask.shape[1] - 1, top + mask.shape[0] - 1]]
            found = {"shape_type": "mask", "points": ends, "mask": png_text(mask)}
            shapes.append(common | found)
            continue
        rings = _rectangles(labels == label)
        shapes += [common | {"shape_type": "polygon", "points": ring} for ring in rings]
    size = {"imageHeight": labels.shape[0], "imageWidth": labels.shape[1]}
    content = {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": "a.png"}
    path.write_text(json.dumps(content | {"imageData": None} | size))
    return path


def cvat_file(path: Path, images: dict[str, np.ndarray], masks: bool = False) -> Path:
    """As CVAT for images: a mask of each nucleus, or a group of polygons."""
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<annotations><version>1.1</version>"]
    lines.append("<meta><task><labels><label><name>nucleus</name></label></labels></task></meta>")
    for number, (name, labels) in enumerate(images.items()):
        height, width = labels.shape
        lines.append(
            f'<image id="{number}" name={quoteattr(name)} width="{width}" height="{height}">'
        )
        for label, top, left, mask in _boxes(labels):
            common = 'label="nucleus" source="manual" occluded="0" z_order="0"'
            if masks:
                box = f'left="{left}" top="{top}" width="{mask.shape[1]}" height="{mask.shape[0]}"'
                lines.append(f'<mask {common} rle="{_lengths(mask)}" {box}></mask>')
                continue
            for ring in _rectangles(labels == label):
                points = ";".join(f"{x:.2f},{y:.2f}" for x, y in ring)
                lines.append(f'<polygon {common} group_id="{label}" points="{points}"></polygon>')
        lines.append("</image>")
    path.write_text("\n".join([*lines, "</annotations>"]))
    return path


def _lengths(mask: np.ndarray) -> str:
    """Lengths of 0, 1, 0, ... row by row."""
    lengths, value = [0], 0
    for pixel in mask.ravel().astype(int).tolist():
        if pixel != value:
            lengths.append(0)
            value = pixel
        lengths[-1] += 1
    return ", ".join(map(str, lengths))


def svg_file(path: Path, labels: np.ndarray) -> Path:
    """A path of each nucleus over a linked image, in a document as Illustrator begins it."""
    height, width = labels.shape
    paths = [
        "".join(f"M{a},{y}h{b - a}v1h{a - b}z" for y, a, b in runs_of(labels == label))
        for label in np.unique(labels[labels > 0])
    ]
    drawn = "\n".join(f'<path fill="#00FF00" d="{path}"/>' for path in paths)
    path.write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" '
        '"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">\n'
        f'<svg version="1.1" xmlns="http://www.w3.org/2000/svg" x="0px" y="0px" '
        f'width="{width}px" height="{height}px" viewBox="0 0 {width} {height}">\n'
        f'<g id="Raw"><image xlink:href="a.jpg" width="{width}" height="{height}"/></g>\n'
        f'<g id="Mask" opacity="0.5">{drawn}</g>\n</svg>\n'
    )
    return path


def colour_file(path: Path, labels: np.ndarray, colours: np.ndarray) -> Path:
    """As RGBA: colour N of some for label N, black for background."""
    table = np.concatenate([np.zeros((1, 3), np.uint8), colours])
    picture = table[labels]
    opaque = np.full((*labels.shape, 1), 255, np.uint8)
    Image.fromarray(np.concatenate([picture, opaque], -1)).save(path)
    return path
