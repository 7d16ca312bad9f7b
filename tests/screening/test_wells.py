from __future__ import annotations

import numpy as np
import pytest

from nucseg_tf.screening.aggregate import Aggregate, FieldNumbers, key_of
from nucseg_tf.screening.wells import find_metrics, find_units, place_of, plate_shape


def entry(well, field, nuclei, plate="P", **more):
    image = f"{plate}{well}{field}.tif"
    return {"image": image, "plate": plate, "well": well, "field": field, "nuclei": nuclei, **more}


def numbers(count, mean, median):
    return FieldNumbers(np.array([count]), np.array([float(mean)]), np.array([float(median)]))


@pytest.mark.parametrize(
    ("columns", "place"),
    [
        ({"well": "B03"}, (2, 3)),
        ({"well": "AF48"}, (32, 48)),
        ({"well": "odd", "row": "C", "column": 7}, (3, 7)),
        ({"row": "C", "column": "07"}, (3, 7)),
        ({"row": "C"}, None),
        ({"well": "Z99"}, None),
        ({}, None),
    ],
)
def test_places(columns, place):
    assert place_of(columns) == place


def test_wells_are_in_the_order_of_the_plate():
    entries = [entry("B10", 1, 1), entry("B02", 1, 1), entry("A12", 1, 1), entry("B10", 2, 1)]
    units = find_units([*entries, entry("?", 1, 1), entry("A01", 1, 1, "O")])
    found = [(unit.plate, unit.name, unit.fields) for unit in units]
    assert found == [
        ("O", "A01", (5,)),
        ("P", "A12", (2,)),
        ("P", "B02", (1,)),
        ("P", "B10", (0, 3)),
    ]


def test_images_stand_for_themselves():
    units = find_units([{"image": "b.tif"}, {"image": "a.tif", "scene": "s 2"}])
    assert [unit.name for unit in units] == ["b.tif", "a.tif s 2"]
    assert [unit.place for unit in units] == [None, None]


@pytest.mark.parametrize(
    ("places", "shape"),
    [([(1, 1)], (8, 12)), ([(9, 1)], (16, 24)), ([(2, 13)], (16, 24)), ([(17, 2)], (32, 48))],
)
def test_plates_have_96_wells_or_more(places, shape):
    assert plate_shape(places) == shape


def test_what_wells_are_made_of():
    """Means of all nuclei; medians of the fields' medians; counts of fields."""
    entries = [entry("A01", 1, 1), entry("A01", 2, 3), entry("A01", 3, 0), entry("C02", 1, 0)]
    found = Aggregate(
        ["area_px"],
        {key_of(entries[0]): numbers(1, 10, 10), key_of(entries[1]): numbers(3, 20, 16)},
        {},
    )
    units = find_units(entries)
    metrics = find_metrics(entries, units, [[], ["empty"], ["empty"], []], found, str.upper)
    count, flagged, area = metrics
    assert (count.of, count.label) == ("fields", "Nuclei per field")
    np.testing.assert_allclose(count.mean, [4 / 3, 0])
    np.testing.assert_allclose(count.median, [1, 0])
    np.testing.assert_array_equal(count.n, [3, 1])
    np.testing.assert_allclose(flagged.mean, [2 / 3, 0])
    np.testing.assert_allclose(flagged.median, [2 / 3, 0])
    assert (area.of, area.label) == ("nuclei", "AREA_PX")
    np.testing.assert_allclose(area.mean, [17.5, np.nan])
    np.testing.assert_allclose(area.median, [13, np.nan])
    np.testing.assert_array_equal(area.n, [4, 0])


def test_numbers_of_quality_are_averaged_over_the_fields_that_have_them():
    entries = [
        entry("A01", 1, 5, quality={"focus": 1.0, "debris": None}),
        entry("A01", 2, 5, quality={"focus": 0.5, "debris": None}),
        entry("A01", 3, 0, quality={"focus": None}),
        entry("A02", 1, 0),
    ]
    metrics = find_metrics(entries, find_units(entries), [[]] * 4, Aggregate([], {}, {}), str)
    focus = next(metric for metric in metrics if metric.key == "quality focus")
    np.testing.assert_allclose(focus.mean, [0.75, np.nan])
    np.testing.assert_array_equal(focus.n, [2, 0])
    assert "quality debris" not in {metric.key for metric in metrics}  # nothing is known of it
