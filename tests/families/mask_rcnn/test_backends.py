"""The same weights find the same nuclei on TensorFlow and on JAX.

Keras chooses its backend once in a process, so this file is also a script: with the paths of
weights and of a result, it writes what `detect` finds on JAX.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from nucseg_tf.engines.base import Source
from nucseg_tf.engines.keras import Keras
from nucseg_tf.families.mask_rcnn import FAMILY
from nucseg_tf.families.mask_rcnn.config import Architecture, Detect
from nucseg_tf.imaging.raster import Plain
from nucseg_tf.models import zoo
from nucseg_tf.models.weights import load_weights, save_weights

ROOT = Path(__file__).parents[3]
ARCHITECTURE = Architecture(encoder="efficientnetlite0", filters=32)
SIZE, THRESHOLDS = 128, Detect(score=0.0, overlap=0.4)


# Random weights decide little. Larger ones in the last layers move boxes, and pull scores so far
# apart that rounding changes no order.
LOUDER = {
    "rpn_logits": 50,
    "rpn_offsets": 1000,
    "box_logits": 50,
    "box_offsets": 1000,
    "mask_logits": 50,
}


def decided_network() -> keras.Model:
    """Random weights, the last layers enlarged."""
    keras.utils.set_random_seed(6)  # the closest two of the detections differ in score by 0.0017
    network = zoo.build(ARCHITECTURE)
    for head in (network.rpn, network.box_head, network.mask_head):
        for layer in head.layers:
            if layer.name in LOUDER:
                layer.kernel.assign(LOUDER[layer.name] * layer.kernel)
    return network


def detect(network: keras.Model) -> dict[str, np.ndarray]:
    """What the network makes of noise."""
    compiled = Keras().compile(Source(lambda: network, split=FAMILY.parts))
    image = np.random.default_rng(0).random((SIZE, SIZE), np.float32)
    (found,) = FAMILY.runner(compiled)(Plain(image), SIZE, 1, THRESHOLDS)
    return {"boxes": found.boxes, "scores": found.scores, "masks": found.masks}


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_jax_finds_what_tensorflow_finds(tmp_path):
    assert keras.backend.backend() == "tensorflow"
    network = decided_network()
    save_weights(network, tmp_path / "weights.h5")
    expected = detect(network)
    environment = os.environ | {
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_backend_optimization_level=0",  # compiles in a third of the time
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, __file__, str(tmp_path / "weights.h5"), str(tmp_path / "found.npz")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "found.npz") as found:
        assert str(found["backend"]) == "jax"
        assert len(expected["scores"]) > 10
        assert np.ptp(expected["boxes"], axis=0).min() > 10  # px; not all in one place
        assert np.ptp(expected["masks"]) > 0.1
        # Scores that differ in the last digits only may change places.
        apart = np.abs(found["boxes"][:, None] - expected["boxes"]).max(axis=-1)
        same = apart.argmin(axis=1)
        assert sorted(same) == list(range(len(same)))
        assert np.abs(same - np.arange(len(same))).max() <= 2
        for name, array in expected.items():
            array = array[same]
            np.testing.assert_allclose(found[name], array, atol=1e-3, err_msg=name)


def main(weights: str, result: str) -> None:
    network = zoo.build(ARCHITECTURE)
    load_weights(network, Path(weights))
    np.savez(result, backend=keras.backend.backend(), **detect(network))


if __name__ == "__main__":
    main(*sys.argv[1:])
