"""Targets: labels and projects of other programs as JSON, our own small files, configurations."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from reference.drawn import drawn_nuclei
from reference.fuzzing.places import made
from reference.fuzzing.target import Target
from reference.sets import cvat_file, labelme_file, svg_file

from nucseg_tf.annotation.exchange import coco, sidecar, supervisely
from nucseg_tf.annotation.exchange.cvat_sets import read_set
from nucseg_tf.annotation.exchange.drawn import Drawn
from nucseg_tf.annotation.exchange.regions import Region
from nucseg_tf.config import Config, load_config, make_config
from nucseg_tf.data.manifest import scan
from nucseg_tf.data.regions import mark_unknown, read_regions, write_regions
from nucseg_tf.evaluation.benchmark import FORMAT, PARTS, read_benchmark
from nucseg_tf.inference.journal import Journal
from nucseg_tf.inference.merge import merge
from nucseg_tf.io.archives import open_source
from nucseg_tf.io.labelme import read_labelme
from nucseg_tf.io.shapes import read_shapes
from nucseg_tf.io.svg import read_svg
from nucseg_tf.io.tables import Table
from nucseg_tf.io.writers.geojson import write_geojson
from nucseg_tf.io.writers.labelme import write_labelme
from nucseg_tf.models.zoo import read_info
from nucseg_tf.schema import to_yaml
from nucseg_tf.screening.content import find_content
from nucseg_tf.screening.results import read_results

SHAPE = (72, 96)  # of the drawn nuclei


def is_labels(labels: np.ndarray, shape: tuple[int, ...] = SHAPE) -> None:
    """Refuse what is no label image of a shape."""
    assert labels.shape == shape
    assert labels.dtype == np.int32
    assert labels.min(initial=0) >= 0


# --- labels of other programs ----------------------------------------------------------------


def _geojson() -> list[bytes]:
    labels = drawn_nuclei()[1]
    content = made("a.geojson", lambda path: write_geojson(path, labels, {"score": np.ones(4)}))
    cell = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [[[1, 1], [9, 1], [9, 9], [1, 1]]]},
        "nucleusGeometry": {"type": "Polygon", "coordinates": [[[2, 2], [5, 2], [5, 5], [2, 2]]]},
        "properties": {"objectType": "cell"},
    }
    return [content, json.dumps([cell]).encode()]


def _drawn() -> list[Drawn]:
    labels = drawn_nuclei()[1]
    found = []
    for label in (1, 2):
        rows, columns = np.nonzero(labels == label)
        mask = (labels == label)[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        found.append(Drawn(int(rows.min()), int(columns.min()), mask, label))
    ring = np.ones((5, 7), bool)
    ring[2, 3] = False
    return [*found, Drawn(60, 60, ring, None)]


def _supervisely() -> list[bytes]:
    return [
        json.dumps(supervisely.annotation(_drawn(), SHAPE, "", polygons)).encode()
        for polygons in (False, True)
    ]


def _coco() -> list[bytes]:
    found = [coco.instances([("a.png", SHAPE, _drawn())], polygons) for polygons in (False, True)]
    packed = json.loads(json.dumps(found[0]))
    packed["annotations"][0]["segmentation"] |= {"counts": "PX62", "size": SHAPE}
    return [json.dumps(content).encode() for content in (*found, packed)]


def _read_tool(tool: Any) -> Any:
    def read(folder: Path) -> None:
        with open_source(folder) as source:
            for _, nuclei_of in tool.find(source):
                for nucleus in nuclei_of(SHAPE):
                    _is_drawn(nucleus)

    return read


def _is_drawn(nucleus: Drawn) -> None:
    assert nucleus.mask.dtype == bool
    assert nucleus.top >= 0
    assert nucleus.left >= 0
    assert nucleus.top + nucleus.mask.shape[0] <= SHAPE[0]
    assert nucleus.left + nucleus.mask.shape[1] <= SHAPE[1]


def _sidecar() -> list[bytes]:
    labels = drawn_nuclei()[1]
    box = (0, 0, *SHAPE)
    region = Region(box, box, (1, 2, 3, 4))
    field = sidecar.ExportedField("A", "a", 0.5, SHAPE, sidecar.pack(labels), {"a.png": region})
    return [sidecar.to_json([field])]


def _read_sidecar(folder: Path) -> None:
    with open_source(folder) as source:
        for field in sidecar.find(source, None):
            is_labels(field.labels(), field.shape)


def _read_regions(folder: Path) -> None:
    boxes = read_regions(folder / "a.tif")
    if boxes:
        write_regions(folder / "b.tif", boxes)
        assert read_regions(folder / "b.tif") == boxes
        mark_unknown(drawn_nuclei()[1], boxes)


# --- runs ------------------------------------------------------------------------------------

ROWS = "a,1,5.5\na,2,6.5\n", "b,1,7.5\n"
COLUMNS = {"image": "U", "label": "i", "area": "f"}


def _run_lines() -> list[bytes]:
    entries, start = [], 0
    for name, rows in zip("ab", ROWS, strict=True):
        end = start + len(rows)
        image = {"image": name, "nuclei": 2}
        more = {"columns": COLUMNS, "image": image, "failures": []}
        entries.append({"name": name, "start": start, "end": end, **more})
        start = end
    lines = [{"key": "k"}, *entries]
    return ["".join(f"{json.dumps(line)}\n" for line in lines).encode()]


def _go_on(folder: Path) -> None:
    (folder / ".objects.csv.part").write_text("".join(ROWS))
    journal = Journal(folder, "k")
    empty = Table({name: np.zeros(0) for name in COLUMNS})
    columns = journal.write(sorted(journal.entries), empty)
    with (folder / "objects.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head == list(columns)
    known = [row.split(",") for text in ROWS for row in text.splitlines()]
    assert list(columns) != list(COLUMNS) or all(row in known for row in rows)


def _record(**more: Any) -> dict[str, Any]:
    images = [
        {
            "image": f"{name}.tif",
            "labels": f"{name}_labels.tif",
            "nuclei": 2,
            "height": 72,
            "width": 96,
            "seconds": 0.1,
            "quality": {"focus": 0.9, "debris": None},
            **({"plate": "P", "well": "B03", "field": 1}),
        }
        for name in "ab"
    ]
    return {
        "command": "predict",
        "model": {"name": "m", "sha256": "0"},
        "engine": "openvino",
        "precision": "f32",
        "options": {"out": "o", "channel": None},
        "found": 2,
        "left_out": [],
        "columns": {
            "image": "U",
            "plate": "U",
            "well": "U",
            "field": "i",
            "label": "i",
            "area": "f",
        },
        "images": images,
        "failures": [{"image": "c.tif", "reason": "damaged"}],
        **more,
    }


def _records() -> list[bytes]:
    return [json.dumps(_record()).encode()]


def _with_table(folder: Path) -> None:
    (folder / "objects.csv").write_text(
        "image,plate,well,field,label,area\na.tif,P,B03,1,1,50\na.tif,P,B03,1,2,60\n"
    )


def _merge(folder: Path) -> None:
    merge([folder], folder / "merged")


def _screen(folder: Path) -> None:
    json.dumps(find_content(read_results(folder)))


def _benchmarks() -> list[bytes]:
    return [json.dumps({"format": FORMAT, **{part: [] for part in PARTS}}).encode()]


# --- configurations --------------------------------------------------------------------------


def _configs() -> list[bytes]:
    small = b"name: m\nmodel: {family: fpn2ws, filters: 16}\naugment: full\ndata: {roi: 64}\n"
    whole = to_yaml(make_config({"model": {"family": "mask_rcnn"}})).encode()
    return [small, whole, b"data: {roi: 64}\ntraining: {seed: 3, loss_weights: [1, 2, 1]}\n"]


def _policies() -> list[bytes]:
    return [
        b"zoom: [0.5, 2]\nsteps:\n  - one_of: [flip_left_right, {rotate90: {turns: [1, 2]}}]\n"
        b"  - sometimes: {probability: 0.5, steps: [{gaussian_blur: {sigma: 2}}]}\n"
        b"compose: {touching: 0.5}\n"
    ]


def _read_config(folder: Path) -> None:
    _is_config(load_config(folder / "a.yaml"))


def _read_policy(folder: Path) -> None:
    _is_config(load_config(folder / "config.yaml"))


def _set(folder: Path) -> None:
    text = (folder / "settings").read_bytes().decode("utf-8", "replace")
    _is_config(load_config(folder / "config.yaml", tuple(text.split("\n"))))


def _is_config(config: Config) -> None:
    """What is read must be what is written down of it."""
    again = type(config).model_validate(config.model_dump(mode="json"))
    assert to_yaml(again) == to_yaml(config)


def _write_config(folder: Path) -> None:
    (folder / "config.yaml").write_text("model: {family: fpn2ws}\naugment: policy.yaml\n")


def _write_plain_config(folder: Path) -> None:
    (folder / "config.yaml").write_text("model: {family: fpn2ws}\n")


def _models() -> list[bytes]:
    from nucseg_tf.models.zoo import SHIPPED

    return [file.read_bytes() for file in sorted(SHIPPED.glob("*/model.yaml"))]


def _read_model(folder: Path) -> None:
    info = read_info(folder)
    assert info.diameter > 0
    to_yaml(info)


# --- tables ----------------------------------------------------------------------------------


def _manifests() -> list[bytes]:
    return [
        b'image,mask,split,group,name,regions\na.tif,b.tif,train,A,n,"0:0:8:8 8:8:16:16"\n',
        b"image,mask\na.tif,b.tif\nc.tif,b.tif\n",
    ]


def _scan(folder: Path) -> None:
    fields, problems = scan(folder / "m.csv")
    for field in fields:
        assert field.image.is_file()
        assert all(0 <= y0 < y1 and 0 <= x0 < x1 for y0, x0, y1, x1 in field.regions)
    for problem in problems:
        str(problem)


def _touch(names: Iterable[str]) -> Any:
    def prepare(folder: Path) -> None:
        for name in names:
            (folder / name).write_bytes(b"x")

    return prepare


# --- sets of others --------------------------------------------------------------------------


def _labelme() -> list[bytes]:
    labels = drawn_nuclei()[1]
    ring = labels * 1
    ring[60:64, 60:64], ring[61, 61] = 5, 0
    found = [made("a.json", lambda path, m=m: labelme_file(path, labels, m)) for m in (False, True)]
    others = [
        {"label": "cell", "points": [[9, 9], [12, 15]], "shape_type": kind, "group_id": None}
        for kind in ("circle", "rectangle")
    ]
    size = {"imageHeight": SHAPE[0], "imageWidth": SHAPE[1]}
    written = made("a.json", lambda path: write_labelme(path, ring, "a.tif"))
    return [*found, written, json.dumps({"shapes": others, **size}).encode()]


def _read_labelme(folder: Path) -> None:
    labels = read_labelme(folder / "a.json")
    is_labels(labels, labels.shape)


def _svg() -> list[bytes]:
    nuclei = (
        '<svg viewBox="0 0 192 144"><style>.h{display:none}</style><g transform="scale(2) '
        'rotate(5 20 20)"><path d="M9 9c4-9 9 4 9 9s-4 5-6 5q-4 4-3-4t1-2a4 5 9 0 1 2 2H3V5z"/>'
        '<circle cx="40" cy="30" r="8"/><ellipse cx="4" cy="3" rx="2" ry="3"/><rect x="60" y="5" '
        'width="9" height="8" rx="2"/></g><polygon class="h" points="1,2 3,4 5,9"/></svg>'
    )
    return [made("a.svg", lambda path: svg_file(path, drawn_nuclei()[1])), nuclei.encode()]


def _cvat() -> list[bytes]:
    labels = {"a.png": drawn_nuclei()[1]}
    found = [made("a.xml", lambda path, m=m: cvat_file(path, labels, m)) for m in (False, True)]
    others = (
        '<annotations><image name="a.png" width="96" height="72"><box label="c" xtl="1" ytl="2" '
        'xbr="9" ybr="8" rotation="30" z_order="1"/><ellipse label="c" cx="20" cy="20" rx="5" '
        'ry="9" rotation="10"/></image></annotations>'
    )
    return [*found, others.encode()]


def _read_cvat(folder: Path) -> None:
    for draw in read_set(folder / "a.xml").draw:
        labels = draw()
        is_labels(labels, labels.shape)


TARGETS = (
    Target("regions", "a.regions.json", _read_regions,
           lambda: [b'{"boxes": [[0, 0, 40, 50], [40, 50, 72, 96]]}'], "json"),
    Target("geojson", "a.geojson", lambda f: is_labels(read_shapes(f / "a.geojson", SHAPE)),
           _geojson, "json"),
    Target("labelme", "a.json", _read_labelme, _labelme, "json"),
    Target("svg", "a.svg", lambda f: is_labels(read_svg(f / "a.svg", SHAPE)), _svg),
    Target("cvat", "a.xml", _read_cvat, _cvat),
    Target("supervisely", "d/ann/a.png.json", _read_tool(supervisely), _supervisely, "json"),
    Target("coco", "annotations/instances_default.json", _read_tool(coco), _coco, "json"),
    Target("export-sidecar", sidecar.FILE, _read_sidecar, _sidecar, "json"),
    Target("run-journal", ".run.jsonl", _go_on, _run_lines, "lines"),
    Target("run-merge", "run.json", _merge, _records, "json", _with_table),
    Target("run-report", "run.json", _screen, _records, "json", _with_table),
    Target("benchmark", "benchmark.json", read_benchmark, _benchmarks, "json"),
    Target("config", "a.yaml", _read_config, _configs, "yaml"),
    Target("policy", "policy.yaml", _read_policy, _policies, "yaml", _write_config),
    Target("settings", "settings", _set,
           lambda: [b"training.epochs=3", b"augment=full\ndata.diameter=[8, 20]"],
           prepare=_write_plain_config),
    Target("model-yaml", "model.yaml", _read_model, _models, "yaml"),
    Target("manifest", "m.csv", _scan, _manifests, prepare=_touch(("a.tif", "b.tif"))),
)  # fmt: skip
