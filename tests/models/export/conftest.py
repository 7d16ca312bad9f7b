"""A small model, and what is written of it, made once: converting a network takes seconds."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from nucseg_tf.families.fpn2ws.config import Architecture
from nucseg_tf.models import zoo
from nucseg_tf.models.export.package import export_package
from nucseg_tf.models.export.write import DESCRIPTION, FORMATS, export_network

ARCH = Architecture()


def need(packages: tuple[str, ...]) -> None:
    """Skip where the extra `export` is not installed."""
    for package in packages:
        pytest.importorskip(package, reason=f"{package} is not installed: pip install .[export]")


def small_network(_arch, _pretrained: bool = False):
    """A network of what ours are made of, in few layers: seconds less for each conversion."""
    import keras

    image = keras.Input((None, None, 1))
    x = keras.layers.Conv2D(4, 3, 2, "same", activation="relu")(image)
    x = keras.layers.BatchNormalization()(x)
    fine = keras.layers.UpSampling2D(2)(x)
    x = keras.layers.Conv2D(4, 3, 2, "same")(x)
    coarse = keras.layers.UpSampling2D(4, interpolation="bilinear")(x)
    x = keras.layers.Concatenate()([fine, coarse, image])
    return keras.Model(image, keras.layers.Conv2D(2, 3, 1, "same", activation="sigmoid")(x))


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Iterator[Path]:
    """A model folder of untrained weights; models are of `small_network` as long as it is used."""
    folder = tmp_path_factory.mktemp("models") / "small"
    info = zoo.ModelInfo(name="small", architecture=ARCH, diameter=34.0, licence="BSD-3-Clause")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zoo, "build", small_network)
        yield zoo.save_model(folder, info, small_network(ARCH), "# small\n")


@pytest.fixture(scope="module", params=FORMATS)
def exported(request, model, tmp_path_factory) -> tuple[Path, dict]:
    """A folder in each form, and the description in it."""
    need(FORMATS[request.param].packages)
    folder = tmp_path_factory.mktemp("exported") / f"small.{request.param}"
    export_network(str(model), folder, request.param)
    return folder, json.loads((folder / DESCRIPTION).read_text())


@pytest.fixture(scope="module")
def package(model, tmp_path_factory) -> Path:
    """A package of bioimage.io."""
    need(FORMATS["onnx"].packages)
    return export_package(str(model), tmp_path_factory.mktemp("package") / "small.zip")
