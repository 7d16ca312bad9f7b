import itertools

import pytest

from nucseg_tf.inference import room
from nucseg_tf.registry import FAMILIES

GIB = 2**30


@pytest.mark.parametrize(
    ("left", "engine", "expected"),
    [
        (16 * GIB, "openvino", (1536, 4)),
        (2 * GIB, "openvino", (1536, 3)),
        (1 * GIB, "openvino", (1536, 1)),
        (2 * GIB, "keras", (768, 3)),
        (GIB // 2, "openvino", (768, 1)),
        (0, "openvino", (384, 1)),
    ],
)
def test_less_memory_smaller_tiles_and_fewer_images(monkeypatch, left, engine, expected):
    monkeypatch.setattr(room, "left", lambda: left)
    assert room.plan(FAMILIES["fpn2ws"], engine, None, None, 4) == expected


def test_what_is_asked_for_stays(monkeypatch):
    monkeypatch.setattr(room, "left", lambda: 0)
    assert room.plan(FAMILIES["fpn2ws"], "openvino", 2048, 3, 4) == (2048, 3)
    assert room.plan(FAMILIES["fpn2ws"], "openvino", 2048, 0, 4) == (2048, 0)  # refused later


@pytest.mark.parametrize(
    ("family", "sides"), [("fpn2ws", [1536, 768, 384, None]), ("mask_rcnn", [512, 256, 128, None])]
)
def test_smaller_tiles_are_halves_down_to_what_makes_sense(family, sides):
    found = FAMILIES[family]
    for side, smaller in itertools.pairwise(sides):
        assert found.smaller_tile(side) == smaller
        if smaller:
            found.check_tile(smaller)
