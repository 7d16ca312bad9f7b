"""A small model, and what is written of it, made once: converting a network takes seconds."""

import json
from pathlib import Path

import pytest

from nucseg_tf.families.fpn2ws.config import Architecture
from nucseg_tf.models import zoo
from nucseg_tf.models.export.package import export_package
from nucseg_tf.models.export.write import DESCRIPTION, FORMATS, export_network

ARCH = Architecture(encoder="mobilenetv2", filters=8)


def need(packages: tuple[str, ...]) -> None:
    """Skip where the extra `export` is not installed."""
    for package in packages:
        pytest.importorskip(package, reason=f"{package} is not installed: pip install .[export]")


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    """A model folder of untrained weights."""
    folder = tmp_path_factory.mktemp("models") / "small"
    info = zoo.ModelInfo(name="small", architecture=ARCH, diameter=34.0, licence="BSD-3-Clause")
    return zoo.save_model(folder, info, zoo.build(ARCH), "# small\n")


@pytest.fixture(scope="session", params=FORMATS)
def exported(request, model, tmp_path_factory) -> tuple[Path, dict]:
    """A folder in each form, and the description in it."""
    need(FORMATS[request.param].packages)
    folder = tmp_path_factory.mktemp("exported") / f"small.{request.param}"
    export_network(str(model), folder, request.param)
    return folder, json.loads((folder / DESCRIPTION).read_text())


@pytest.fixture(scope="session")
def package(model, tmp_path_factory) -> Path:
    """A package of bioimage.io."""
    need(FORMATS["onnx"].packages)
    return export_package(str(model), tmp_path_factory.mktemp("package") / "small.zip")
