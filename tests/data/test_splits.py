"""Which fields train, and which validate."""

from pathlib import Path

import pytest

from nucseg_tf.data.splits import split_fields
from nucseg_tf.errors import DataError, UsageError
from nucseg_tf.types import Field


def fields(count, split="", group=""):
    """Fields whose files nobody opens."""
    names = [f"{group}{i}" for i in range(count)]
    return [
        Field(name, Path(f"{name}.tif"), (Path(f"{name}_masks.tif"),), split, group)
        for name in names
    ]


def test_given_splits_are_used_and_test_left_out():
    given = fields(3, "train") + fields(2, "val") + fields(2, "test")
    train, val = split_fields(given, 0.5, seed=0)
    assert [f.split for f in train] == ["train"] * 3
    assert [f.split for f in val] == ["val"] * 2


def test_draw_is_a_share_of_each_group_and_does_not_depend_on_order():
    everything = fields(20, group="hela") + fields(10, group="u2os") + fields(1, group="one")
    train, val = split_fields(everything, 0.2, seed=1)
    assert not set(train) & set(val)
    assert set(train) | set(val) == set(everything)
    assert sorted(f.group for f in val) == ["hela"] * 4 + ["u2os"] * 2
    again = split_fields(everything[::-1], 0.2, seed=1)[1]
    assert set(again) == set(val)
    assert set(split_fields(everything, 0.2, seed=2)[1]) != set(val)


@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_both_parts_keep_at_least_one_field(fraction):
    assert [len(part) for part in split_fields(fields(2), fraction, seed=0)] == [1, 1]
    singles = fields(1, group="a") + fields(1, group="b")
    assert [len(part) for part in split_fields(singles, fraction, seed=0)] == [1, 1]


def test_a_single_field_trains_and_validates(caplog):
    for single in (fields(1), fields(1, "train") + fields(4, "test")):
        train, val = split_fields(single, 0.2, seed=0)
        assert train == val == single[:1]
        assert "says nothing of others" in caplog.text


def test_too_few_fields_or_a_senseless_fraction():
    for few in ([], fields(3, "val"), fields(4, "test")):
        with pytest.raises(DataError, match="a field to train on"):
            split_fields(few, 0.2, seed=0)
    with pytest.raises(UsageError, match="fraction"):
        split_fields(fields(4), 1.0, seed=0)
