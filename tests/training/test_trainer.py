import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import layers
from reference.drawn import drawn_nuclei

from nucseg_tf.config import Config, load_config, make_config
from nucseg_tf.data.sample import Sample
from nucseg_tf.errors import DiskFullError, MemoryLimitError, TrainingError
from nucseg_tf.io import files
from nucseg_tf.models import weights, zoo
from nucseg_tf.registry import FAMILIES
from nucseg_tf.schema import to_yaml
from nucseg_tf.training import callbacks as cb
from nucseg_tf.training.trainer import Trainer, freeze, phases

# Taken before the fixture below puts a tiny network in the place of the first.
BUILD = {name: family.build for name, family in FAMILIES.items()}


def sample() -> Sample:
    image, labels = drawn_nuclei()
    return Sample(image / np.float32(200), labels, 22.0, "")


def config(**training) -> Config:
    return make_config(
        {
            "model": {"encoder": "mobilenetv2", "filters": 8},
            "data": {"roi": 64, "shoulder": 4},
            # The default policy takes 3 s to compile, for each trainer anew.
            "augment": {"steps": [{"flip_left_right": {}}, {"gamma": {}}]},
            # With this seed, the second epoch is better than the first.
            "training": {"batch": 2, "steps_per_epoch": 3, "epochs": 2, "seed": 5, **training},
        }
    )


def arrays(run):
    with h5py.File(run / "last.h5") as file:
        return {
            f"{group}/{key}": file[group][key][()]
            for group in ("weights", "optimizer")
            for key in file[group]
        }


def tiny(arch, pretrained=False) -> keras.Model:
    """An encoder of one layer and a head of one: the trainer is tested, not the network."""
    image = layers.Input((None, None, 1))
    x = layers.Conv2D(4, 3, padding="same", name="block_1_expand")(image)
    x = layers.ReLU()(layers.BatchNormalization(name="block_1_bn")(x))
    return keras.Model(image, layers.Conv2D(2, 1, activation="sigmoid", name="head_conv")(x))


@pytest.fixture(scope="module", autouse=True)
def family():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FAMILIES["fpn2ws"], "build", tiny)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of two epochs: its folder, and the network."""
    run = tmp_path_factory.mktemp("trained") / "whole"
    return run, Trainer(config(), run, [sample()], [sample()]).fit("random")


def test_run_folder_holds_config_checkpoint_and_best(trained):
    run, network = trained
    assert {file.name for file in run.iterdir()} == {
        "config.yaml", "start.json", "last.h5", "best.h5"
    }  # fmt: skip
    assert load_config(run / "config.yaml") == config()
    state = cb.read_state(run / "last.h5")
    assert state["step"] == 6
    assert [entry["epoch"] for entry in state["history"]] == [0, 1]
    stored = [value for _, value in weights.read_weights(run / "best.h5")]
    for variable, value in zip(network.weights, stored, strict=True):
        np.testing.assert_array_equal(np.asarray(variable), value)


def test_whoever_listens_is_told(tmp_path):
    told = []

    class Listener(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            told.append(batch)

        def on_epoch_end(self, epoch, logs=None):
            told.append(sorted(logs))

    Trainer(config(), tmp_path, [sample()], [sample()], listeners=[Listener()]).fit("random")
    assert told == [0, 1, 2, ["loss", "val_loss"]] * 2


def test_a_run_is_not_overwritten(trained):
    run, _ = trained
    with pytest.raises(TrainingError, match="--resume"):
        Trainer(config(), run, [sample()], [sample()]).fit("random")


def test_resume_without_a_checkpoint_says_so(tmp_path):
    with pytest.raises(TrainingError, match="no checkpoint"):
        Trainer(config(), tmp_path, [sample()], [sample()]).fit("random", resume=True)


@pytest.mark.parametrize("at", [2, 4])
def test_resumed_training_equals_an_uninterrupted_one(at, trained, tmp_path, monkeypatch):
    """Stopped by SIGTERM at step `at`, in either epoch, then resumed in a fresh trainer."""
    run, _ = trained
    part = tmp_path / "part"
    seen = cb.StopIfNotFinite.on_train_batch_end
    calls = []

    def interrupt(self, batch, logs=None):
        seen(self, batch, logs)
        calls.append(batch)
        if len(calls) == at:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(cb.StopIfNotFinite, "on_train_batch_end", interrupt)
        with pytest.raises(cb.Interrupted) as stopped:
            Trainer(config(), part, [sample()], [sample()]).fit("random")
    assert stopped.value.number == signal.SIGTERM
    assert cb.read_state(part / "last.h5")["step"] == at
    Trainer(config(), part, [sample()], [sample()]).fit("random", resume=True)
    whole, resumed = arrays(run), arrays(part)
    assert whole.keys() == resumed.keys()
    for key, value in whole.items():
        np.testing.assert_array_equal(resumed[key], value, err_msg=key)


def test_the_same_training_gives_the_same_weights(trained, tmp_path):
    """Whatever was drawn at random before it, and with another number of threads."""
    keras.utils.set_random_seed(99)
    Trainer(config(threads=1), tmp_path / "again", [sample()], [sample()]).fit("random")
    whole, again = arrays(trained[0]), arrays(tmp_path / "again")
    for key, value in whole.items():
        np.testing.assert_array_equal(again[key], value, err_msg=key)


def test_another_seed_begins_with_other_weights(trained, tmp_path):
    Trainer(config(seed=6), tmp_path / "other", [sample()], [sample()]).fit("random")
    whole, other = arrays(trained[0]), arrays(tmp_path / "other")
    assert not np.allclose(whole["weights/0000"], other["weights/0000"])


@pytest.mark.parametrize("epoch", [1, 2])  # of two: the last one too
@pytest.mark.parametrize("where", ["on_test_batch_end", "on_epoch_end"])
def test_stopped_while_it_validates_it_goes_on(trained, tmp_path, monkeypatch, epoch, where):
    run, _ = trained
    part = tmp_path / "part"
    seen, epochs = getattr(cb.StopIfNotFinite, where, None), []

    def interrupt(self, number, logs=None):
        if seen:
            seen(self, number, logs)
        epochs.append(number)
        if len(epochs) == epoch:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(cb.StopIfNotFinite, where, interrupt, raising=False)
        with pytest.raises(cb.Interrupted) as stopped:
            Trainer(config(), part, [sample()], [sample()]).fit("random")
    assert stopped.value.number == signal.SIGTERM
    Trainer(config(), part, [sample()], [sample()]).fit("random", resume=True)
    whole, resumed = arrays(run), arrays(part)
    for key, value in whole.items():
        np.testing.assert_allclose(resumed[key], value, rtol=1e-3, atol=1e-5, err_msg=key)
    histories = [cb.read_state(folder / "last.h5")["history"] for folder in (run, part)]
    assert [row["epoch"] for row in histories[1]] == [row["epoch"] for row in histories[0]]


@pytest.mark.parametrize("name", ["best.h5", "last.h5"])
def test_killed_before_a_file_of_an_epoch_it_ends_as_if_nothing_had_been(
    name, trained, tmp_path, monkeypatch
):
    """Killed between both, that epoch must be a candidate for the best all the same."""
    run, _ = trained
    part = tmp_path / "part"
    keras.utils.set_random_seed(5)
    replace, written = Path.replace, []

    def kill(self, target):
        written.append(target.name)
        if written.count(name) == 2:
            raise KeyboardInterrupt  # which nothing catches, as nothing catches SIGKILL
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", kill)
        with pytest.raises(KeyboardInterrupt):
            Trainer(config(), part, [sample()], [sample()]).fit("random")
    assert written[-2:] == (["last.h5", "best.h5"] if name == "best.h5" else ["best.h5", "last.h5"])
    Trainer(config(), part, [sample()], [sample()]).fit("random", resume=True)
    best = [weights.read_weights(folder / "best.h5") for folder in (run, part)]
    for (key, value), (_, resumed) in zip(*best, strict=True):
        np.testing.assert_allclose(resumed, value, rtol=1e-3, atol=1e-5, err_msg=key)
    whole = arrays(run)
    for key, value in arrays(part).items():
        np.testing.assert_allclose(value, whole[key], rtol=1e-3, atol=1e-5, err_msg=key)


def test_the_best_of_one_killed_in_its_first_epoch_counts_for_nothing(trained, tmp_path):
    shutil.copyfile(trained[0] / "best.h5", tmp_path / "best.h5")
    with h5py.File(tmp_path / "best.h5", "r+") as file:
        file.attrs["val_loss"] = -1.0  # nothing is better
    Trainer(config(), tmp_path, [sample()], [sample()]).fit("random")
    assert cb.BestWeights(tmp_path / "best.h5", None).best > 0


def test_interrupted_in_the_first_epoch_keeps_the_state(tmp_path, monkeypatch):
    """Before Keras' own callbacks have anything to remember."""

    def interrupt(self, batch, logs=None):
        os.kill(os.getpid(), signal.SIGTERM)

    settings = config(schedule="plateau", stop_patience=3)
    with monkeypatch.context() as patch:
        patch.setattr(cb.StopIfNotFinite, "on_train_batch_end", interrupt)
        with pytest.raises(cb.Interrupted):
            Trainer(settings, tmp_path / "run", [sample()], [sample()]).fit("random")
    assert cb.read_state(tmp_path / "run" / "last.h5")["step"] == 1
    Trainer(settings, tmp_path / "run", [sample()], [sample()]).fit("random", resume=True)
    assert cb.read_state(tmp_path / "run" / "last.h5")["step"] == 6


def test_best_weights_know_how_good_they_are(trained):
    run, _ = trained
    losses = [entry["val_loss"] for entry in cb.read_state(run / "last.h5")["history"]]
    again = cb.BestWeights(run / "best.h5", None)
    assert again.best == pytest.approx(min(losses), rel=1e-5)


def test_loss_that_is_not_finite_stops_with_a_remedy(tmp_path):
    broken = sample()
    broken.image[:] = np.nan
    with pytest.raises(TrainingError, match=r"not finite.*learning_rate"):
        Trainer(config(), tmp_path / "nan", [broken], [sample()]).fit("random")


def test_cold_start_only_where_something_is_pretrained():
    training = config(cold_epochs=1, epochs=5).training
    assert [(p.name, p.frozen, p.last_epoch) for p in phases(training, True)] == [
        ("cold", True, 1), ("all", False, 5)
    ]  # fmt: skip
    assert [p.name for p in phases(training, False)] == ["all"]


def from_saved(folder, **training) -> tuple[keras.Model, keras.Model]:
    """A network, and what a training that begins with it makes of it."""
    network = zoo.build(config().model)
    info = zoo.ModelInfo(name="m", architecture=config().model, diameter=20.0)
    start = zoo.save_model(folder / "start", info, network, "")
    trainer = Trainer(config(**training), folder / "run", [sample()], [sample()])
    return network, trainer.fit(str(start))


def changed(before: keras.Model, after: keras.Model, name: str) -> bool:
    """Whether a weight with this name in its path did change."""
    pairs = zip(before.weights, after.weights, strict=True)
    return any(
        not np.array_equal(np.asarray(one), np.asarray(other))
        for one, other in pairs
        if name in one.path
    )


def test_cold_start_leaves_the_encoder_as_it_was(tmp_path):
    networks = from_saved(tmp_path, cold_epochs=1, epochs=1)
    assert not changed(*networks, "block_1_expand")
    assert changed(*networks, "head_conv")


def test_after_the_cold_start_the_encoder_learns_too(tmp_path):
    assert changed(*from_saved(tmp_path, cold_epochs=1, epochs=2), "block_1_expand")


@pytest.mark.parametrize("family", ["fpn2ws", "mask_rcnn"])
def test_freezing_and_thawing(family):
    arch = FAMILIES[family].architecture(encoder="mobilenetv2", filters=8)
    network = BUILD[family](arch)
    count = len(network.trainable_variables)
    encoder = FAMILIES[family].encoder_layers(network)
    freeze(network, encoder)
    assert 0 < len(network.trainable_variables) < count
    assert not any(layer.trainable_variables for layer in encoder)
    freeze(network, [])
    assert len(network.trainable_variables) == count


def test_plateau_is_remembered_over_a_resumption(tmp_path):
    """The learning rate falls once patience is spent, counted across the interruption."""
    settings = {"plateau_patience": 2, "learning_rate": 1e-7, "average": 0.0, "stop_patience": 0}
    run = tmp_path / "plateau"
    samples = [sample()], [sample()]
    Trainer(config(**settings, epochs=2), run, *samples).fit("random")
    state = cb.read_state(run / "last.h5")
    assert set(state["remembered"]) == {"ReduceLROnPlateau"}

    with h5py.File(run / "last.h5", "r+") as file:  # as if nothing had got better for one epoch
        state["remembered"]["ReduceLROnPlateau"] = {"best": 0.0, "wait": 1, "cooldown_counter": 0}
        file.attrs["state"] = json.dumps(state)
    Trainer(config(**settings, epochs=3), run, *samples).fit("random", resume=True)
    rate = cb.read_state(run / "last.h5")["history"][-1]["learning_rate"]
    after = arrays(run)["optimizer/0001"]
    assert rate == pytest.approx(1e-7, abs=1e-9)
    assert float(after) == pytest.approx(1e-8, rel=1e-3)


@pytest.mark.slow
def test_training_killed_without_warning_goes_on(toy, tmp_path):
    """kill -9 in the middle of an epoch; --resume continues at the end of the last whole one."""
    import cv2

    data = tmp_path / "data"
    for kind, array in (("images", toy[0]), ("masks", toy[1].astype(np.uint8))):
        (data / kind).mkdir(parents=True)
        for number in range(3):
            cv2.imwrite(str(data / kind / f"{number}.png"), array)
    file = tmp_path / "config.yaml"
    file.write_text(to_yaml(config(epochs=3, steps_per_epoch=20)))
    command = [sys.executable, "-m", "nucseg_tf", "train", str(file)]
    command += ["--data", str(data), "--out", str(tmp_path / "run")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if re.search(r"all 2/3: +50 %", line):
            process.send_signal(signal.SIGKILL)
            break
    assert process.wait() == -signal.SIGKILL
    assert cb.read_state(tmp_path / "run" / "last.h5")["step"] == 20
    done = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    state = cb.read_state(tmp_path / "run" / "last.h5")
    assert state["step"] == 60
    assert [entry["epoch"] for entry in state["history"]] == [0, 1, 2]
    assert (tmp_path / "run" / "model" / "model.yaml").is_file()


def test_a_full_disk_keeps_the_checkpoint_before_and_training_goes_on(
    tmp_path, monkeypatch, trained
):
    sync, seen = files._sync, []

    def full(path):
        seen.append(path.name)
        if sum(name.startswith(".last") for name in seen) == 2:
            raise OSError(errno.ENOSPC, "full")
        sync(path)

    monkeypatch.setattr(files, "_sync", full)
    keras.utils.set_random_seed(5)
    run = tmp_path / "run"
    with pytest.raises(DiskFullError, match=r"last\.h5: cannot be written: No space left on dev"):
        Trainer(config(), run, [sample()], [sample()]).fit("random")
    assert len(cb.read_state(run / "last.h5")["history"]) == 1
    assert not [path for path in run.iterdir() if path.name.startswith(".")]
    monkeypatch.setattr(files, "_sync", sync)
    Trainer(config(), run, [sample()], [sample()]).fit("random", resume=True)
    for name, array in arrays(trained[0]).items():
        np.testing.assert_array_equal(arrays(run)[name], array, err_msg=name)


def test_without_memory_the_batch_is_named(tmp_path, monkeypatch):
    def exhausted(*_, **__):
        raise RuntimeError("OOM when allocating tensor with shape[8,1024,1024,32]")

    monkeypatch.setattr("nucseg_tf.training.trainer.Trainable.fit", exhausted)
    with pytest.raises(MemoryLimitError, match=r"OOM when allocating.*training\.batch=2"):
        Trainer(config(), tmp_path / "run", [sample()], [sample()]).fit("random")
