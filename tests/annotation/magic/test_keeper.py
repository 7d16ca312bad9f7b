"""The model is loaded once, in a thread, and remembers what it saw."""

from __future__ import annotations

import json
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from reference.bright import Bright, disk

from nucseg_tf.annotation.loop.versions import SHIPPED, model_folder
from nucseg_tf.annotation.magic.keeper import Keeper
from nucseg_tf.errors import ModelError

SHAPE = (700, 600)
NUCLEUS = disk(SHAPE, 300, 200, 10)
PIXELS = np.where(NUCLEUS, 90, 10).astype(np.uint8)
FREE = np.zeros(SHAPE, bool)


@pytest.fixture
def keeper(tmp_path):
    made: list[Keeper] = []

    def make(load):
        made.append(Keeper(tmp_path, load))
        return made[0]

    yield make
    for each in made:
        each.close()


def ready(keeper: Keeper, key: str = "one") -> dict[str, str]:
    deadline = time.monotonic() + 10
    while (answer := keeper.prepare(key, lambda: (PIXELS, None)))["state"] == "loading":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return answer


def look(keeper: Keeper, place: tuple[int, int], key: str = "one"):
    found = keeper.look(key, PIXELS, None, place)
    y0, x0, y1, x1 = found.box
    mask = np.zeros(SHAPE, bool)
    outline = found.outline(FREE[y0:y1, x0:x1])
    if outline is not None:
        mask[y0:y1, x0:x1] = outline
    return mask


def test_nobody_waits_for_the_model(keeper):
    go = threading.Event()
    model = Bright()
    kept = keeper(lambda name: go.wait(10) and model)
    assert kept.prepare("one", lambda: (PIXELS, None)) == {
        "state": "loading",
        "model": SHIPPED,
        "error": "",
    }
    assert kept.look("one", PIXELS, None, (300, 200)) is None
    go.set()
    assert ready(kept)["state"] == "ready"
    assert np.array_equal(look(kept, (300, 200)), NUCLEUS)


def test_a_window_is_computed_once(keeper):
    model = Bright()
    kept = keeper(lambda name: model)
    ready(kept)
    for place in ((300, 200), (305, 196), (293, 203)):
        assert np.array_equal(look(kept, place), NUCLEUS)
    assert model.looked == 1
    look(kept, (600, 500))
    assert model.looked == 2


def test_without_a_model_the_light_has_to_do(keeper):
    def load(name):
        raise ModelError("no such model")

    kept = keeper(load)
    answer = ready(kept)
    assert (answer["state"], answer["error"]) == ("failed", "no such model")
    found = look(kept, (300, 200))
    assert (found & NUCLEUS).sum() > 0.85 * (found | NUCLEUS).sum()


def test_the_model_of_the_project_is_taken_when_it_changes(keeper, tmp_path):
    loaded = []
    kept = keeper(lambda name: loaded.append(name) or Bright())
    ready(kept)
    (tmp_path / "loop" / "v2" / "model").mkdir(parents=True)
    (tmp_path / "loop" / "current.json").write_text(json.dumps({"model": "v2"}))
    assert ready(kept)["model"] == "v2"
    assert ready(kept, "two")["model"] == "v2"
    assert loaded == [Path(SHIPPED), model_folder(tmp_path, "v2")]
    shutil.rmtree(tmp_path / "loop" / "v2")
    assert ready(kept)["model"] == SHIPPED
