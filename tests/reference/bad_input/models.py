"""Model folders and their archives: `nucseg predict --model`, `nucseg models`."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import yaml
from reference.bad_input.case import MODEL, Case
from reference.bad_input.images import png

from nucseg_tf.models.zoo import HASHED, SHIPPED

Change = Callable[[Path], object]


def folder_of(folder: Path) -> Path:
    """A copy of the shipped model, called m, and an image."""
    shutil.copytree(SHIPPED / MODEL, folder / "m")
    png(folder / "a.png")
    return folder / "m"


def sign(model: Path) -> None:
    """Record the hashes of the files as they are: what is wrong with them shows later."""
    lines = [f"{hashlib.sha256((model / n).read_bytes()).hexdigest()}  {n}\n" for n in HASHED]
    (model / "sha256").write_text("".join(lines))


def model(what: str, change: Change, says: tuple[str, ...], signed: bool = False) -> Case:
    """A damaged copy of a model, to predict with."""

    def draw(folder: Path) -> None:
        found = folder_of(folder)
        change(found)
        if signed:
            sign(found)

    argv = "predict a.png --out out --model m --device cpu --engine keras"
    return Case(what, argv, 1, ("m", *says), draw, real=True)


def _edit(**values: object) -> Change:
    def change(found: Path) -> None:
        said = yaml.safe_load((found / "model.yaml").read_text())
        (found / "model.yaml").write_text(yaml.safe_dump(said | values))

    return change


def _weights(content: bytes) -> Change:
    return lambda found: (found / "model.weights.h5").write_bytes(content)


def _cut(found: Path) -> None:
    file = found / "model.weights.h5"
    file.write_bytes(file.read_bytes()[:99_999])


def _few(found: Path) -> None:
    with h5py.File(found / "model.weights.h5", "w") as file:
        file["0000"] = np.zeros(3, np.float32)
        file["0000"].attrs["path"] = "x/kernel"


def _one(folder: Path) -> None:
    (folder / "in").mkdir()
    png(folder / "in" / "a.png")


FOLDERS = (
    model(
        "weights missing",
        lambda m: (m / "model.weights.h5").unlink(),
        ("incomplete model folder", "model.weights.h5", "Copy or export it again"),
    ),
    model(
        "sha256 missing",
        lambda m: (m / "sha256").unlink(),
        ("incomplete model folder", "sha256", "Copy or export it again"),
    ),
    model(
        "sha256 of other words",
        lambda m: (m / "sha256").write_text("x\n"),
        ("differs from its recorded hash; copy or export it again",),
    ),
    model(
        "model.yaml missing",
        lambda m: (m / "model.yaml").unlink(),
        ("m: has no model.yaml, so it is no model folder",),
    ),
    model(
        "weights changed",
        lambda m: _weights(b"x")(m),
        ("m/model.weights.h5: differs from its recorded hash; copy or export it again",),
    ),
    model(
        "model.yaml changed", _edit(name="other"), ("m/model.yaml: differs from its recorded hash",)
    ),
    model(
        "weights cut short",
        _cut,
        ("m/model.weights.h5: cannot be read as a weights file", "Copy or export the model again"),
        signed=True,
    ),
    model(
        "an HTML page for weights",
        _weights(b"<!DOCTYPE html><html>404</html>"),
        ("m/model.weights.h5: cannot be read as a weights file", "Copy or export the model again"),
        signed=True,
    ),
    model(
        "a Git LFS pointer for weights",
        _weights(b"version https://git-lfs.github.com/spec/v1\n"),
        ("m/model.weights.h5: cannot be read as a weights file", "Copy or export the model again"),
        signed=True,
    ),
    model(
        "weights of another network",
        _few,
        ("m/model.weights.h5: holds 1 arrays, the network has", "it is of another model"),
        signed=True,
    ),
    model(
        "a format of the future",
        _edit(format=9),
        ("m/model.yaml: format 9; this version reads format 1. Update nucseg-tf.",),
        signed=True,
    ),
    model(
        "an unknown family",
        _edit(architecture={"family": "fpn3"}),
        ("m/model.yaml: architecture.family: no model family 'fpn3'",),
        signed=True,
    ),
    model(
        "an unknown key", _edit(colour="red"), ("m/model.yaml: colour: unknown key",), signed=True
    ),
    model("a diameter of 0", _edit(diameter=0), ("m/model.yaml: diameter",), signed=True),
    model(
        "model.yaml that is no YAML",
        lambda m: (m / "model.yaml").write_text("{"),
        ("m/model.yaml: cannot be read as YAML",),
        signed=True,
    ),
    model(
        "model.yaml that is empty",
        lambda m: (m / "model.yaml").write_text(""),
        ("m/model.yaml: format None",),
        signed=True,
    ),
    Case(
        "a name that no model has",
        "predict a.png --out out --model fpn2ws-nucli",
        2,
        ("no model 'fpn2ws-nucli', nor such a folder; did you mean 'fpn2ws-nuclei'?",),
        lambda folder: png(folder / "a.png"),
        real=True,
    ),
    Case(
        "a folder that is not there",
        "predict a.png --out out --model runs/none",
        2,
        ("no model 'runs/none', nor such a folder; expected one of fpn2ws-nuclei",),
        lambda folder: png(folder / "a.png"),
        real=True,
    ),
    Case(
        "a name that no model has, for prelabels",
        "prelabel in --out out --method classicl",
        2,
        ("did you mean 'classical'?",),
        _one,
        real=True,
    ),
    Case(
        "a name that no model has, to look at",
        "models info jacobkie",
        2,
        ("did you mean 'jacobkie-nuclei'?",),
    ),
    Case(
        "a damaged model, to verify",
        "models verify m",
        1,
        ("m/model.weights.h5: differs from its recorded hash",),
        lambda folder: _weights(b"x")(folder_of(folder)) and None,
    ),
    Case(
        "a damaged model, to export",
        "models export m x.zip",
        1,
        ("m/model.weights.h5: differs from its recorded hash",),
        lambda folder: _weights(b"x")(folder_of(folder)) and None,
    ),
    Case(
        "an export to no zip file",
        "models export fpn2ws-nuclei x.tar",
        2,
        ("x.tar: expected a name that ends in .zip",),
    ),
)


def archive(
    what: str, says: tuple[str, ...], names: tuple[str, ...] = (), content: bytes | None = None
) -> Case:
    """A zip file to import: of files with these names, or of these bytes."""

    def draw(folder: Path) -> None:
        if content is not None:
            (folder / "x.zip").write_bytes(content)
            return
        with zipfile.ZipFile(folder / "x.zip", "w") as file:
            for name in names:
                file.writestr(name, "x")

    return Case(what, "models import x.zip --models-dir out", 1, ("x.zip", *says), draw)


ALL = tuple(f"m/{name}" for name in ("model.yaml", "model.weights.h5", "README.md", "sha256"))
ARCHIVES = (
    archive("a file of 0 bytes", ("cannot be read as a zip file",), content=b""),
    archive("text named .zip", ("cannot be read as a zip file",), content=b"no zip" * 9),
    archive("a zip without files", ("is no exported model: expected NAME/",)),
    archive("a zip of something else", ("is no exported model: expected NAME/",), ("m/photo.jpg",)),
    archive("a path that leaves the folder", ("is no exported model",), ("../model.yaml",)),
    archive("an absolute path", ("is no exported model",), ("/etc/model.yaml",)),
    archive("two models in one", ("is no exported model",), ("m/model.yaml", "n/model.yaml")),
    Case(
        "a zip whose model.yaml is none",
        "models import x.zip --models-dir out",
        1,
        ("x.zip/m/model.yaml: expected a mapping",),
        archive("", (), ALL).draw,
    ),
    Case(
        "a zip that is not there",
        "models import x.zip --models-dir out",
        2,
        ("x.zip: no such file",),
    ),
    Case(
        "a name with a slash",
        "models import x.zip --models-dir out --name ../a",
        2,
        ("--name: expected letters, digits",),
        archive("", (), ALL).draw,
    ),
)
GROUPS = {"Model folders": FOLDERS, "Archives of models: `nucseg models import`": ARCHIVES}
