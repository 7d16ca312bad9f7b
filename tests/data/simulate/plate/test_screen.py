from __future__ import annotations

import numpy as np
import pytest

from nucseg_tf.data.simulate import find_cell_lines
from nucseg_tf.data.simulate.plate.screen import CHANNELS, Screen, Spot, parse_plate
from nucseg_tf.errors import UsageError

U2OS = find_cell_lines("U2OS")[0]


def screen(**changes) -> Screen:
    about = {"rows": 2, "columns": 3, "wells": 6, "fields": 2, "channels": 3, "seed": 4}
    return Screen(**{"line": U2OS, "shape": (128, 160), **about, **changes})


def test_fields_are_in_order_row_by_row():
    stems = [spot.stem for spot in screen(wells=4).spots()]
    assert stems == [
        *("A01_F001", "A01_F002", "A02_F001", "A02_F002"),
        *("A03_F001", "A03_F002", "B01_F001", "B01_F002"),
    ]


def test_the_columns_are_doses():
    """Half the effect at half the dose would be sqrt(0.5 * 3) of the ratio; 0.625 of it is there.

    The effect d^2 / (d^2 + 0.25) is 0.5 at a dose of 0.5 and 0.8 at 1, which is made 1.
    """
    plate = screen()
    assert [plate.dose(column) for column in (1, 2, 3)] == [0, 0.5, 1]
    assert [plate.density(column) for column in (1, 2, 3)] == pytest.approx([1, 0.7, 0.4])
    assert [plate.ratio(c) for c in (1, 2, 3)] == pytest.approx([0.5, 0.5 * 6**0.625, 3])
    assert [plate.positive(column) for column in (1, 2, 3)] == pytest.approx([0.6, 0.325, 0.05])
    assert screen(columns=1, wells=2).dose(1) == 0


def test_cells_are_those_of_the_dose():
    plate = screen()
    for column in (1, 3):
        cells = plate.cells(Spot(2, column, 1), 4000)
        assert np.median(cells.ratio) == pytest.approx(plate.ratio(column), rel=0.02)
        assert cells.positive.mean() == pytest.approx(plate.positive(column), abs=0.03)
        assert np.median(cells.level) == pytest.approx(1, rel=0.03)
        assert np.log(cells.ratio).std() == pytest.approx(0.15, rel=0.05)


def test_a_field_depends_on_its_place_and_the_seed_alone():
    first = screen().draw(Spot(1, 2, 1))
    again = screen(rows=8, wells=1, fields=9).draw(Spot(1, 2, 1))
    for one, other in zip((*first[0], first[1]), (*again[0], again[1]), strict=True):
        np.testing.assert_array_equal(one, other)
    others = [
        screen().draw(Spot(2, 2, 1)),
        screen().draw(Spot(1, 2, 2)),
        screen().draw(Spot(1, 3, 1)),
        screen(seed=5).draw(Spot(1, 2, 1)),
    ]
    for images, _ in others:
        for one, other in zip(first[0], images, strict=True):
            assert (one != other).any()


def test_fewer_channels_are_the_first_of_them():
    three, _ = screen().draw(Spot(1, 1, 1))
    one, _ = screen(channels=1).draw(Spot(1, 1, 1))
    assert (len(one), len(three)) == (1, len(CHANNELS))
    np.testing.assert_array_equal(one[0], three[0])


def test_fewer_cells_are_left_in_the_last_column():
    plate = screen(shape=(512, 640))
    counts = [plate.draw(Spot(1, column, 1))[1].max() for column in (1, 3)]
    assert counts[1] / counts[0] == pytest.approx(0.4, rel=0.15)


@pytest.mark.parametrize("text", ["8", "8x", "8x12x2", "axb", "-8x12"])
def test_a_plate_is_rows_and_columns(text):
    with pytest.raises(UsageError, match="--plate: expected ROWSxCOLUMNS, such as 8x12"):
        parse_plate(text)
    assert parse_plate("16X24") == (16, 24)


@pytest.mark.parametrize("text", ["0x12", "33x1", "1x49"])
def test_a_plate_has_limits(text):
    with pytest.raises(UsageError, match="--plate: expected 1x1 to 32x48"):
        parse_plate(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"wells": 7}, "--wells: expected 1 to 6"),
        ({"wells": 0}, "--wells: expected 1 to 6"),
        ({"fields": 0}, "--fields: expected 1 to 999"),
        ({"channels": 4}, "--channels: expected 1 to 3"),
        ({"seed": -1}, "--seed: expected 0"),
        ({"shape": (10, 100)}, "--size: sides"),
    ],
)
def test_numbers_that_make_no_sense(change, message):
    with pytest.raises(UsageError, match=message):
        screen(**change)
