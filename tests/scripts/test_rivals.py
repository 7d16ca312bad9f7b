"""What the scripts of other tools share; the tools themselves are not here."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile

SCRIPTS = Path(__file__).parents[2] / "scripts" / "speed" / "rivals"


@pytest.fixture
def common(monkeypatch):
    """As the scripts import it: from their own folder."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import common

    yield common
    sys.modules.pop("common")


def test_writes_labels_and_times_without_the_first_look(common, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for number in range(3):
        tifffile.imwrite(images / f"f{number}.tif", np.full((4, 6), number, np.uint8))
    seen = []

    def predict(pixels, clock):
        seen.append(int(pixels[0, 0]))
        with clock.stage("network"):
            return np.full(pixels.shape, 2)

    times = tmp_path / "times.json"
    arguments = argparse.Namespace(
        images=images, out=tmp_path / "out", times=times, macs=False, model=None
    )
    common.run(arguments, predict, lambda: 0.0)
    assert seen == [0, 0, 1, 2]
    labels = tifffile.imread(tmp_path / "out" / "f1_labels.tif")
    assert labels.dtype == np.int32
    assert labels.shape == (4, 6)
    found = json.loads(times.read_text())
    assert found["images"] == 3
    assert found["nuclei"] == 6
    assert found["mpx"] == found["network_mpx"] == pytest.approx(72e-6)
    assert set(found["stages"]) == {"read", "network", "write"}


def test_a_stage_within_another_is_taken_from_it(common):
    clock, inner = common.Clock(), common.Clock()
    clock.stages = {
        "network": {"wall_s": 9.0, "cpu_s": 8.0},
        "decode": {"wall_s": 1.0, "cpu_s": 1.0},
    }
    inner.stages = {"decode": {"wall_s": 3.0, "cpu_s": 2.0}}
    clock.split("network", inner)
    assert clock.stages["network"] == {"wall_s": 6.0, "cpu_s": 6.0}
    assert clock.stages["decode"] == {"wall_s": 4.0, "cpu_s": 3.0}


def test_a_timed_function_adds_up_its_calls(common):
    clock = common.Clock()
    decode = clock.timed("decode", lambda value: time.sleep(0.05) or value)
    assert [decode(1), decode(2)] == [1, 2]
    assert clock.stages["decode"]["wall_s"] >= 0.1
