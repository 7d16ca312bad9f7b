"""Training on two devices is training on one.

A process chooses its devices before TensorFlow or JAX starts, so this file is also a script: with
a folder and the name of an encoder ("tiny" for a network of two layers) it makes two devices of
the CPU, trains on one and on both, and writes the losses into the folder.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from reference.drawn import drawn_nuclei

from nucseg_tf.config import Config, Training, make_config
from nucseg_tf.data.sample import Sample
from nucseg_tf.errors import ConfigError, TrainingError
from nucseg_tf.models import zoo
from nucseg_tf.registry import FAMILIES
from nucseg_tf.schema import parse
from nucseg_tf.training import callbacks as cb
from nucseg_tf.training import devices
from nucseg_tf.training.trainer import Trainer

ROOT = Path(__file__).parents[2]
GPUS = [f"/device:GPU:{number}" for number in range(4)]
STEPS, EPOCHS, CUT = 3, 2, 2  # the last: after which a training is interrupted
SAME = 1e-4  # relative; rounding makes 3e-5 of it


def settings(**values) -> Training:
    return parse(Training, values, "test")


# --- the choice -------------------------------------------------------------------------------


@pytest.mark.parametrize(("batch", "count"), [(8, 4), (6, 3), (2, 2), (7, 1)])
def test_auto_takes_the_most_gpus_that_divide_the_batch(batch, count, monkeypatch, caplog):
    monkeypatch.setattr(devices, "visible", lambda: GPUS)
    chosen = devices.choose(settings(batch=batch))
    assert chosen == GPUS[:count]
    with caplog.at_level("INFO"):
        devices.describe(chosen, settings(batch=batch))
    assert (f"{batch // count} ROIs" in caplog.text) == (count > 1)
    assert ("multiple of 4" in caplog.text) == (count < 4)


def test_auto_without_gpus_is_one_device(monkeypatch):
    monkeypatch.setattr(devices, "visible", lambda: ["/device:CPU:0", "/device:CPU:1"])
    assert devices.choose(settings()) == ["/device:CPU:0"]
    assert devices.choose(settings(devices=2)) == ["/device:CPU:0", "/device:CPU:1"]


def test_more_devices_than_there_are():
    with pytest.raises(ConfigError, match=r"training\.devices: 2 .*CPU.*nucseg doctor"):
        Trainer(make_config({"training": {"devices": 2}}), Path("nowhere"), [], [])
    assert not Path("nowhere").exists()


def test_a_batch_that_does_not_divide():
    with pytest.raises(ConfigError, match=r"8 cannot be divided among 3 devices; .*multiple of 3"):
        settings(devices=3)


def test_one_device_has_no_scope():
    assert isinstance(devices.scope(["/device:GPU:0"]), nullcontext)
    parts = {"distance": 1.0}
    assert devices.of_whole_batch(parts, {}, FAMILIES["fpn2ws"].counted) is parts
    assert devices.fill(parts, ["/device:GPU:0"]) is parts


def test_the_last_batch_is_filled_up():
    valid = np.ones((7, 2, 2, 1), np.float32)
    pixels = tf.data.Dataset.from_tensor_slices((np.arange(7), {"valid": valid})).batch(4)
    [(first, _), (last, targets)] = devices.fill(pixels, GPUS[:2])
    assert (first.numpy().tolist(), last.numpy().tolist()) == ([0, 1, 2, 3], [4, 5, 6, 4])
    assert targets["valid"].numpy().mean(axis=(1, 2, 3)).tolist() == [1, 1, 1, 0]
    assert targets[devices.FILLED].numpy().tolist() == pytest.approx([8 / 7] * 3 + [0])


def test_batches_that_divide_stay_as_they_are():
    numbers = tf.data.Dataset.range(8).map(lambda i: (i, {})).batch(4)
    assert devices.fill(numbers, GPUS[:2]) is numbers


@pytest.mark.parametrize("family", ["fpn2ws", "jacobkie"])
def test_losses_are_means_over_what_is_counted(family):
    """A batch whose ROIs have different numbers of pixels that count, whole and in halves."""
    generator = np.random.default_rng(3)
    shape = (4, 8, 8)
    channels = {"fpn2ws": 2, "jacobkie": 5}[family]
    outputs, maps = generator.uniform(0.1, 0.9, (2, *shape, channels)).astype(np.float32)
    outputs[2:] = maps[2:]  # otherwise both halves have about the same losses
    limits = np.reshape([0.1, 0.3, 0.9, 0.6], (4, 1, 1, 1))
    valid, whole = (generator.random((2, *shape, 1)) < limits).astype(np.float32)
    targets = {"maps": maps, "valid": valid, "whole": whole}

    def losses(part: slice) -> tuple[dict, dict]:
        chosen = {name: array[part] for name, array in targets.items()}
        found = FAMILIES[family].loss_parts(None, outputs[part], chosen)
        counts = {name: float(n) for name, n in FAMILIES[family].counted(chosen).items()}
        return {name: float(value) for name, value in found.items()}, counts

    (one, n_one), (two, n_two) = losses(slice(2)), losses(slice(2, 4))
    together, n = losses(slice(4))
    assert together.keys() == n.keys()
    for name, value in together.items():
        parts = one[name] * n_one[name] + two[name] * n_two[name]
        assert value == pytest.approx(parts / n[name], rel=1e-5)
        assert value != pytest.approx((one[name] + two[name]) / 2, rel=1e-3)


# --- training ---------------------------------------------------------------------------------


def train_elsewhere(folder: Path, encoder: str, backend: str) -> dict[str, dict]:
    """What the script writes, by name of the training."""
    environment = os.environ | {
        "KERAS_BACKEND": backend,
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
    }
    command = [sys.executable, __file__, str(folder), encoder]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((folder / "found.json").read_text())


def distance(one: dict, other: dict) -> float:
    """The largest relative difference of two curves of losses, as far as the shorter one goes."""
    curves = ("loss", "val_loss")
    pairs = [pair for key in curves for pair in zip(one[key], other[key], strict=False)]
    return max(abs(a - b) / a for a, b in pairs)


BACKENDS = [
    "tensorflow",
    pytest.param(
        "jax",
        marks=pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="no JAX"),
    ),
]


@pytest.fixture(scope="module", params=BACKENDS)
def found(request, tmp_path_factory):
    return train_elsewhere(tmp_path_factory.mktemp(request.param), "tiny", request.param)


def test_two_devices_have_the_losses_of_one(found):
    """And the same finished network, of averaged weights."""
    assert (found["one"]["devices"], found["two"]["devices"]) == (1, 2)
    assert len(found["one"]["loss"]) == len(found["two"]["loss"]) == EPOCHS * STEPS
    assert distance(found["one"], found["two"]) < SAME
    np.testing.assert_allclose(found["two"]["outputs"], found["one"]["outputs"], rtol=SAME)


def test_cold_start_on_two_devices(found):
    assert distance(found["cold, one"], found["cold, two"]) < SAME
    assert distance(found["cold, one"], found["one"]) > 10 * SAME


def test_the_comparison_can_fail(found):
    assert distance(found["one"], found["seed"]) > 10 * SAME


@pytest.mark.parametrize("found", ["tensorflow"], indirect=True)
def test_devices_must_exchange_what_they_count(found):
    """Batch statistics, and means over pixels, of each device alone give other losses.

    Not with JAX, where each step is written for the whole batch.
    """
    assert distance(found["one"], found["own statistics"]) > 10 * SAME
    assert distance(found["one"], found["own means"]) > 10 * SAME


@pytest.mark.parametrize("name", ["one, then two", "two, then one"])
def test_resumed_on_another_number_of_devices(found, name):
    """Interrupted in the middle of an epoch; the curve is that of one device."""
    assert found[name]["exit"] == 128 + signal.SIGTERM
    assert len(found[name]["loss"]) == EPOCHS * STEPS
    assert distance(found["one"], found[name]) < SAME


def test_a_loss_that_is_not_finite_stops_both(found):
    assert "not finite" in found["not finite"]


@pytest.mark.slow
def test_two_devices_with_a_real_network(tmp_path):
    """ResNet-18. Adam makes more of its rounding, 4e-4; in float64, 1e-14 is left."""
    found = train_elsewhere(tmp_path, "resnet18", "tensorflow")
    assert distance(found["one"], found["two"]) < 2e-3
    assert distance(found["one"], found["seed"]) > 2e-2


# --- the script -------------------------------------------------------------------------------


def tiny(arch, pretrained=False) -> keras.Model:
    image = layers.Input((None, None, 1))
    convolve = layers.Conv2D(4, 3, padding="same", use_bias=False, name="block_1_expand")
    x = convolve(image)  # a bias would have no gradient but rounding, which Adam enlarges
    x = layers.ReLU()(layers.BatchNormalization(name="block_1_bn")(x))
    head = layers.Conv2D(2, 3, padding="same", activation="sigmoid", name="head_conv")
    return keras.Model(image, head(x))


def two_cpus() -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    half = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(cpu, [half, half])


def samples() -> list[Sample]:
    """A field of four ROIs, and one smaller than a ROI, of which fewer pixels count."""
    image, labels = drawn_nuclei()
    cut = np.s_[20:68, 30:70]
    return [
        Sample(pixels / np.float32(200), numbers, 22.0, group)
        for pixels, numbers, group in ((image, labels, "a"), (image[cut], labels[cut], "b"))
    ]


class Curve:
    """The losses of a training, gathered over its interruptions."""

    def __init__(self, folder: Path, encoder: str):
        self.folder, self.encoder = folder, encoder
        self.loss: list[float] = []
        self.found: dict = {}

    def config(self, count: int, **training) -> Config:
        encoder = "mobilenetv2" if self.encoder == "tiny" else self.encoder
        lengths = {"batch": 4, "steps_per_epoch": STEPS, "cold_epochs": 0, "epochs": EPOCHS}
        return make_config(
            {
                "model": {"encoder": encoder, "filters": 8},
                "data": {"roi": 64, "shoulder": 4},
                "augment": {"steps": []},  # quicker to compile
                "training": {**lengths, "devices": count, **training},
            }
        )

    def train(self, count: int, stop: int = 0, broken: bool = False, **training) -> Curve:
        """Train, or go on; be interrupted after so many steps."""
        fields = samples()
        if broken:
            fields[0].image[:] = np.nan
        seen = cb.StopIfNotFinite.on_train_batch_end
        started = (self.folder / "run" / "last.h5").exists()
        sums = {-1: 0.0}  # of an epoch

        def watch(self_, batch, logs=None):
            seen(self_, batch, logs)
            sums[batch] = float(logs["loss"]) * (batch + 1)  # Keras logs the mean so far
            self.loss.append(sums[batch] - sums[batch - 1])
            if len(self.loss) == stop:
                os.kill(os.getpid(), signal.SIGTERM)

        cb.StopIfNotFinite.on_train_batch_end = watch
        try:
            trainer = Trainer(self.config(count, **training), self.folder / "run", fields, fields)
            network = trainer.fit(str(self.folder.parent / "start"), started)
        except cb.Interrupted as interrupted:
            self.found["exit"] = 128 + interrupted.number
            return self
        finally:
            cb.StopIfNotFinite.on_train_batch_end = seen
        image = np.linspace(0, 1, 32 * 32, dtype=np.float32).reshape(1, 32, 32, 1)
        outputs = np.asarray(network(image, training=False))[0, ::8, ::8].ravel()
        history = cb.read_state(self.folder / "run" / "last.h5")["history"]
        self.found |= {"devices": len(trainer.devices), "outputs": outputs.tolist()}
        self.found |= {"val_loss": [entry["val_loss"] for entry in history], "loss": self.loss}
        return self


def main(folder: Path, encoder: str) -> None:
    if encoder == "tiny":
        FAMILIES["fpn2ws"].build = tiny
    two_cpus()
    first = Curve(folder, encoder).config(1)
    keras.utils.set_random_seed(5)
    network = zoo.build(first.model)
    info = zoo.ModelInfo(name="start", architecture=first.model, diameter=20.0)
    zoo.save_model(folder / "start", info, network, "")

    def curve(name: str) -> Curve:
        return Curve(folder / name, encoder)

    curves = {
        "one": curve("one").train(1),
        "two": curve("two").train(2),
        "seed": curve("seed").train(1, seed=2, epochs=1),
    }
    found = {}
    if encoder == "tiny":
        for name, count in (("cold, one", 1), ("cold, two", 2)):
            curves[name] = curve(name).train(count, cold_epochs=1, epochs=1)
        curves["one, then two"] = curve("one, then two").train(1, CUT).train(2)
        curves["two, then one"] = curve("two, then one").train(2, CUT).train(1)
        try:
            curve("broken").train(2, broken=True)
        except TrainingError as error:
            found["not finite"] = str(error)
    if encoder == "tiny" and keras.backend.backend() == "tensorflow":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(devices, "synchronise", lambda network: None)
            curves["own statistics"] = curve("own statistics").train(2)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(FAMILIES["fpn2ws"], "counted", lambda targets: {})
            curves["own means"] = curve("own means").train(2)
    found |= {name: each.found for name, each in curves.items()}
    (folder / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
