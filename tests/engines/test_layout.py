from __future__ import annotations

import keras
import numpy as np
import pytest

from nucseg_tf.engines import openvino as engine
from nucseg_tf.engines.base import Part, Source
from nucseg_tf.engines.layout import turn_enlargements


def network(*, bilinear: bool = False) -> keras.Model:
    """One enlargement between convolutions, one of what came in."""
    keras.utils.set_random_seed(1)
    image = keras.layers.Input((None, None, 2))
    how = "bilinear" if bilinear else "nearest"
    fine = keras.layers.Conv2D(4, 3, 2, padding="same")(image)
    enlarged = keras.layers.UpSampling2D(2, interpolation=how)(fine)
    direct = keras.layers.UpSampling2D((2, 4), interpolation=how)(image)
    joined = keras.layers.Conv2D(3, 1)(enlarged)
    return keras.Model(image, [joined, direct])


@pytest.fixture(params=[False, True], ids=["nearest", "bilinear"])
def converted(request, monkeypatch):
    """The network as OpenVINO reads it, not yet changed; and the network."""
    ov = engine.load_openvino()
    made = network(bilinear=request.param)
    monkeypatch.setattr(engine, "turn_enlargements", lambda model: 0)
    part = Part(lambda batch: made(batch, training=False), ((None, None, None, 2),))
    files = engine.convert(ov, Source(lambda: made, split=lambda _: {"network": part}))
    return ov.Core().read_model(files["network.xml"], files["network.bin"]), made


def compute(model, image: np.ndarray) -> list[np.ndarray]:
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = engine.load_openvino().Core().compile_model(model, "CPU", exact)
    request = compiled.create_infer_request()
    found = request.infer({0: image})
    return sorted((np.array(array) for array in found.values()), key=lambda array: array.shape[2])


def axes_of_enlargements(model) -> list[list[int]]:
    return [
        node.input_value(2).get_node().get_data().tolist()
        for node in model.get_ordered_ops()
        if node.get_type_name() == "Interpolate"
    ]


def test_turned_enlargements_give_the_same(converted):
    model, made = converted
    images = [np.random.default_rng(0).random(s, np.float32) for s in ((1, 8, 12, 2), (2, 6, 4, 2))]
    assert axes_of_enlargements(model) == [[1, 2], [1, 2]]
    before = [compute(model, image) for image in images]
    assert turn_enlargements(model) == 2
    assert axes_of_enlargements(model) == [[2, 3], [2, 3]]
    for image, expected in zip(images, before, strict=True):
        for found, wanted, truth in zip(compute(model, image), expected, made(image), strict=True):
            np.testing.assert_allclose(found, wanted, atol=1e-6)
            np.testing.assert_allclose(found, truth, atol=1e-5)


def test_what_has_no_enlargement_stays(converted):
    model, _ = converted
    turn_enlargements(model)
    count = len(model.get_ops())
    assert turn_enlargements(model) == 0
    assert len(model.get_ops()) == count
