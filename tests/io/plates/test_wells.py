from __future__ import annotations

import pytest

from nucseg_tf.io.plates.wells import parse_row, parse_well, row_name, smallest_plate, well_name


def test_all_names_of_the_largest_plate_are_read_back():
    places = [(row, column) for row in range(1, 33) for column in range(1, 49)]
    names = [well_name(*place) for place in places]
    assert [parse_well(name) for name in names] == places
    assert len(set(names)) == len(places)
    assert (names[0], names[-1]) == ("A01", "AF48")
    assert [parse_row(row_name(row)) for row in range(1, 33)] == list(range(1, 33))


@pytest.mark.parametrize("text", ["b3", "B03", "B - 03", "B_3", " b-03 "])
def test_a_well_has_many_names(text):
    assert parse_well(text) == (2, 3)


@pytest.mark.parametrize("text", ["", "B", "03", "B00", "B49", "AG01", "ZZ1", "B003", "1B", "É1"])
def test_what_is_no_well(text):
    assert parse_well(text) is None


@pytest.mark.parametrize(
    ("wells", "size"),
    [
        ([(1, 1)], (2, 3)),
        ([(2, 3)], (2, 3)),
        ([(3, 2)], (3, 4)),
        ([(2, 3), (8, 1)], (8, 12)),
        ([(1, 13)], (16, 24)),
        ([(17, 1)], (32, 48)),
    ],
)
def test_the_smallest_plate_has_room_for_all_wells(wells, size):
    assert smallest_plate(wells) == size
