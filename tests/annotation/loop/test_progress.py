import json

import pytest

from nucseg_tf.annotation.loop import progress
from nucseg_tf.annotation.loop.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands; add to its first entry to let time pass."""
    times = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: times[0])
    return times


def steps(callback, clock, epoch, count, seconds, skipped=0):
    """Train for an epoch, of which some steps were done before it was cut off."""
    callback.set_params({"steps": count - skipped})
    callback.on_epoch_begin(epoch)
    for batch in range(count - skipped):
        clock[0] += seconds
        callback.on_train_batch_end(batch, {"loss": 0.5})
    callback.on_epoch_end(epoch, {"loss": 0.5, "val_loss": 0.4})


def test_how_far_and_how_long(tmp_path, clock):
    """The first step is not counted in the pace: the network is compiled in it."""
    callback = Progress(tmp_path / "progress.json", epochs=3, steps_per_epoch=4, seconds=7.0)
    callback.stage("preparing")
    read = lambda: json.loads((tmp_path / "progress.json").read_text())  # noqa: E731
    assert (read()["step"], read()["eta_seconds"]) == (0, None)
    clock[0] += 60
    steps(callback, clock, 0, 4, seconds=2.0)
    found = read()
    assert (found["step"], found["steps"], found["epoch"], found["epochs"]) == (4, 12, 2, 3)
    assert (found["loss"], found["val"]) == ([0.5], [0.4])
    assert found["eta_seconds"] == pytest.approx(8 * 2.0)
    assert found["seconds"] == pytest.approx(7 + 60 + 8)
    callback.stage("finishing")
    assert (read()["stage"], read()["eta_seconds"]) == ("finishing", None)


def test_it_is_written_once_a_second_at_most(tmp_path, clock, monkeypatch):
    written = []
    monkeypatch.setattr(progress, "write_json", lambda path, content, **_: written.append(content))
    callback = Progress(tmp_path / "progress.json", epochs=1, steps_per_epoch=50)
    steps(callback, clock, 0, 50, seconds=0.1)
    assert len(written) <= 7
    assert written[-1]["step"] == 50


def test_a_training_that_goes_on_keeps_its_curves(tmp_path, clock):
    """Cut off after one step of the second epoch, and after one that was not saved."""
    first = Progress(tmp_path / "progress.json", epochs=3, steps_per_epoch=4)
    for epoch in range(2):
        steps(first, clock, epoch, 4, seconds=2.0)
    again = Progress(tmp_path / "progress.json", epochs=3, steps_per_epoch=4)
    assert again.done == 8
    again.set_params({"steps": 3})
    again.on_epoch_begin(1)  # the second epoch was done, but not saved
    again.on_train_batch_end(0)
    assert again.done == 6
    assert [len(values) for values in again.history.values()] == [1, 1]
    again.on_epoch_end(1, {"loss": 0.1, "val_loss": 0.2})
    assert again.history == {"loss": [0.5, 0.1], "val": [0.4, 0.2]}


def test_a_damaged_file_begins_anew(tmp_path):
    (tmp_path / "progress.json").write_text('{"loss": ["x"]}')
    assert Progress(tmp_path / "progress.json", 1, 1).history == {"loss": [], "val": []}
