import pytest

from nucseg_tf.errors import UsageError
from nucseg_tf.io.choices import Choice, parse


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ({}, Choice()),
        ({"channel": "2", "z": "0", "t": "7", "scene": "1"}, Choice(2, 0, 7, 1)),
        ({"channel": "DAPI", "scene": "Position 3"}, Choice("DAPI", scene="Position 3")),
        ({"channel": "max", "z": "max", "t": "each"}, Choice("max", "max", "each")),
        ({"z": "mean"}, Choice(z="mean")),
        ({"z": "focus"}, Choice(z="focus")),
        ({"z": "each", "scene": "each"}, Choice(z="each", scene="each")),
        ({"t": "3:9"}, Choice(t=range(3, 9))),
        ({"t": ":4"}, Choice(t=range(4))),
        ({"t": range(2, 5)}, Choice(t=range(2, 5))),
        ({"channel": 0, "t": 2.0}, Choice(0, t=2)),
    ],
)
def test_what_is_meant(asked, meant):
    assert parse(**asked) == meant


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("channel", -1), ("channel", ""), ("channel", 1.5),
        ("z", "-2"), ("z", "median"), ("z", 1.5), ("z", ""),
        ("t", "max"), ("t", "4:4"), ("t", "5:"), ("t", "1:2:3"), ("t", -1),
        ("scene", ""), ("scene", -1),
    ],
)  # fmt: skip
def test_what_makes_no_sense(name, value):
    with pytest.raises(UsageError, match=f"--{name}: expected an index.*Received: {value!r}"):
        parse(**{name: value})


def test_one_plane_or_several():
    assert parse(z="max", t=3, channel="max", scene="each").is_one
    assert not parse(z="each").is_one
    assert not parse(t="0:2").is_one
    assert not parse(t="each").is_one


def test_a_number_without_end_is_no_index():
    with pytest.raises(UsageError, match=r"--z: expected an index"):
        parse(z=float("inf"))
