"""The example decodes as the family does."""

from pathlib import Path

import numpy as np
import pytest

from nucseg_tf.families.fpn2ws.config import Decode
from nucseg_tf.families.fpn2ws.decode import decode
from nucseg_tf.families.fpn2ws.targets import targets
from nucseg_tf.models import zoo
from nucseg_tf.models.export.sample import draw_sample

bioimageio_labels = pytest.importorskip("bioimageio_labels", exc_type=ModuleNotFoundError)
decode_numpy = pytest.importorskip("decode_numpy", exc_type=ModuleNotFoundError)  # onnxruntime
SHIPPED = zoo.read_info(zoo.find_model("fpn2ws-nuclei")).thresholds


@pytest.mark.parametrize("index", [1, 2])
def test_labels_of_drawn_fields_are_those_of_the_family(index):
    _, truth = draw_sample(128, 24, index)
    noise = np.random.default_rng(index).normal(0, 0.03, (128, 128, 2))
    maps = np.clip(targets(truth) + noise, 0, 1).astype(np.float32)
    ours, others = decode(maps, SHIPPED).labels, decode_numpy.decode(maps, SHIPPED.model_dump())
    assert others.max() == ours.max() > 5
    assert np.mean((ours > 0) != (others > 0)) < 1e-3
    pairs = np.unique(np.stack([ours, others])[:, (ours > 0) & (others > 0)], axis=1)
    assert len(pairs[0]) == ours.max()  # one of one each


def test_an_image_without_nuclei_has_none():
    assert decode_numpy.decode(np.zeros((20, 30, 2), np.float32), Decode().model_dump()).max() == 0


def test_the_example_fits_a_page():
    assert len(Path(decode_numpy.__file__).read_text().splitlines()) <= 66


@pytest.mark.parametrize(("shape", "filled"), [((301, 517), (320, 544)), ((9, 256), (256, 256))])
def test_images_are_filled_up_to_the_sides_of_a_package(shape, filled):
    image = np.arange(shape[0] * shape[1]).reshape(shape)
    found = bioimageio_labels.filled(image)
    assert found.shape == filled
    np.testing.assert_array_equal(found[: shape[0], : shape[1]], image)
    assert found[shape[0], 0] == image[-1, 0]  # the pixel at the edge is repeated


def test_an_image_without_contrast_is_all_background():
    session = type("Session", (), {"run": lambda _, __, given: [given["image"].repeat(2, -1)]})()
    about = {"normalisation": {"low": 1, "high": 99.8, "least": -0.5, "most": 2}}
    maps = decode_numpy.see(session, about | {"tiles": {"mirrored": 16}}, np.full((20, 30), 7))
    np.testing.assert_array_equal(maps, np.zeros((20, 30, 2)))
