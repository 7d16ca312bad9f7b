"""Packages of bioimage.io: one zip with the network as ONNX, a test, and our own model beside.

`archive.import_model` restores the model from its own files, which are attachments.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
from pathlib import Path
from string import Template

import numpy as np
import tifffile
import yaml

from nucseg_tf.engines.base import Compiled
from nucseg_tf.engines.keras import ENGINE
from nucseg_tf.errors import UsageError
from nucseg_tf.imaging.normalise import normalise
from nucseg_tf.imaging.raster import Plain
from nucseg_tf.imaging.window import Window
from nucseg_tf.io.files import atomic_path
from nucseg_tf.io.pictures import display_grey, draw_outlines, write_colours
from nucseg_tf.models import zoo
from nucseg_tf.models.archive import PACKED, refuse_existing, refuse_link
from nucseg_tf.models.export.onnx import Onnx
from nucseg_tf.models.export.rdf import LEAST, describe_package
from nucseg_tf.models.export.sample import draw_sample
from nucseg_tf.models.export.write import DESCRIPTION, write_network

AUTHOR = "The authors of nucseg_tf"
DESCRIBED = "bioimageio.yaml"
STORED = (".h5", ".onnx")  # floats hardly get smaller
DATE = (1980, 1, 1, 0, 0, 0)  # of all files, so that the same model makes the same package


def export_package(
    name: str, file: Path, models_dir: Path | None = None, author: str | None = None
) -> Path:
    """Write a package.

    Args:
        name: name of a model, or a model or run folder.
        file: the zip file to write.
        models_dir: folder to search first.
        author: whose name it is to bear; `AUTHOR` without.

    Returns:
        `file`.

    Raises:
        UsageError: `file` does not end in .zip, packages are missing, or the family gives no maps.
        OutputError: `file` is there already.
        ModelError: the model is missing or damaged, or its network gives something else as ONNX.
    """
    if file.suffix.lower() != ".zip":
        raise UsageError(f"{file}: expected a name that ends in .zip")
    refuse_existing(file)
    Onnx().check()
    model = zoo.load(name, models_dir)
    family = model.info.family
    if not family.maps:
        raise UsageError(
            f"--to bioimageio: {model.info.name} is of the family {family.title}, whose network "
            "has parts with code between them; a package is one network, from images to maps. Its "
            "parts go to onnx, openvino or savedmodel"
        )
    with tempfile.TemporaryDirectory(prefix="nucseg-") as text:
        folder = Path(text)
        _fill(model, folder)
        hashes = {
            each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in folder.iterdir()
        }
        own = [entry for entry in (*PACKED, DESCRIPTION) if entry in hashes]
        described = describe_package(model.info, author or AUTHOR, hashes, own)
        (folder / DESCRIBED).write_text(yaml.safe_dump(described, sort_keys=False))
        _pack(folder, file)
    return file


def _fill(model: zoo.LoadedModel, folder: Path) -> None:
    """All files but the description."""
    written, description = write_network(model, folder, Onnx())
    (part,) = written.values()
    (folder / part.file).rename(folder / "weights.onnx")
    (entry,) = description["parts"].values()
    entry["file"] = "weights.onnx"
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n")
    for packed, name in PACKED.items():
        if (model.folder / name).is_file():
            refuse_link(model.folder / name)
            (folder / packed).write_bytes((model.folder / name).read_bytes())
    _write_test(model, folder)
    _write_documentation(model.info, folder)


def _write_test(model: zoo.LoadedModel, folder: Path) -> None:
    """A drawn field, the maps that our own network gives of it, and a picture of both."""
    info, network = model.info, ENGINE.compile(model.source)
    field, _ = draw_sample(LEAST, info.diameter)
    if info.invert:
        field = np.iinfo(field.dtype).max - field
    pixels = _normalised(info, field)
    maps = network(pixels[None, ..., None])[0]
    np.save(folder / "test_input.npy", field[None, ..., None])
    np.save(folder / "test_output.npy", maps[None])
    tifffile.imwrite(folder / "sample_input.tif", field)
    tifffile.imwrite(folder / "sample_output.tif", np.moveaxis(maps, -1, 0))
    grey = display_grey(field)
    plain = np.repeat(grey[..., None], 3, axis=2)
    found = draw_outlines(grey, _find(info, network, pixels))
    write_colours(folder / "cover.png", np.hstack([plain, found]))


def _normalised(info: zoo.ModelInfo, field: np.ndarray) -> np.ndarray:
    """A field (H, W) as the network is to see it, float32."""
    turned = -field.astype(np.float32) if info.invert else field
    return normalise(turned, info.normalisation.low, info.normalisation.high)


def _find(info: zoo.ModelInfo, network: Compiled, pixels: np.ndarray) -> np.ndarray:
    """Labels of a normalised field."""
    family, thresholds = info.family, info.family.at_scale(info.thresholds)
    raw = family.runner(network)(Plain(pixels), family.tile, 1, thresholds)
    return family.decode(raw, Window.whole(pixels.shape), thresholds).labels


def _write_documentation(info: zoo.ModelInfo, folder: Path) -> None:
    template = Template((Path(__file__).parent / "documentation.md").read_text(encoding="utf-8"))
    percentiles = info.normalisation
    thresholds = yaml.safe_dump(info.thresholds.model_dump(mode="json"), sort_keys=False)
    text = template.substitute(
        name=info.name,
        family=info.family.title,
        maps=", ".join(info.family.maps),
        diameter=f"{info.diameter:g}",
        low=percentiles.low,
        high=percentiles.high,
        step=info.family.step,
        thresholds=thresholds.rstrip(),
        training_data=info.training_data or "unknown",
    )
    (folder / "documentation.md").write_text(text, encoding="utf-8")


def _pack(folder: Path, file: Path) -> None:
    with atomic_path(file) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for each in sorted(folder.iterdir()):
            method = zipfile.ZIP_STORED if each.suffix in STORED else zipfile.ZIP_DEFLATED
            entry = zipfile.ZipInfo(each.name, DATE)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, each.read_bytes(), method)
