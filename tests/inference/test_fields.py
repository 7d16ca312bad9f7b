from __future__ import annotations

import csv

import pytest

from nucseg_tf.inference.fields import (
    DEBRIS,
    EMPTY,
    FEW,
    MANY,
    SATURATED,
    UNEVEN,
    UNFOCUSED,
    Typical,
    find_flags,
    flag_fields,
    write_fields,
)

GOOD = {
    "focus": 1.0,
    "saturated": 0.0,
    "uneven": 0.05,
    "debris": 0.02,
    "covered": 0.2,
    "median_area_px": 300.0,
}


def entry(nuclei=100, image="a.tif", **numbers):
    return {"image": image, "nuclei": nuclei, "quality": {**GOOD, **numbers}}


def plate(*odd):
    """Twenty usual fields, and odd ones."""
    return [entry(95 + n % 10, focus=0.98 + 0.002 * n) for n in range(20)] + list(odd)


@pytest.mark.parametrize(
    ("odd", "flags"),
    [
        (entry(), []),
        (entry(focus=0.5), [UNFOCUSED]),
        (entry(focus=0.75), [UNFOCUSED]),  # sharp enough alone, not beside the others
        (entry(focus=0.85), []),
        (entry(focus=None), []),
        (entry(saturated=0.006), [SATURATED]),
        (entry(debris=0.3), [DEBRIS]),
        (entry(uneven=0.31), [UNEVEN]),
        (entry(0), [EMPTY]),
        (entry(4), [EMPTY]),
        (entry(6), [FEW]),
        (entry(60), [FEW]),
        (entry(85), []),
        (entry(150), [MANY]),
        (entry(4, focus=0.3, debris=0.9), [EMPTY, UNFOCUSED, DEBRIS]),
    ],
)
def test_flags_of_a_field_among_others(odd, flags):
    fields = plate(odd)
    assert flag_fields(fields)[-1] == flags
    assert not any(flag_fields(fields)[:-1])


def test_few_fields_are_not_compared():
    assert flag_fields([entry(100), entry(10, focus=0.7), entry(0)]) == [[], [], [EMPTY]]


def test_plates_are_compared_each_by_itself():
    dense = [entry(1000) | {"plate": "dense"} for _ in range(10)]
    sparse = [entry(20) | {"plate": "sparse"} for _ in range(10)]
    assert not any(flag_fields(dense + sparse))
    assert flag_fields([*dense, entry(20) | {"plate": "dense"}])[-1] == [EMPTY]


def test_a_plate_of_several_kinds_of_cells_is_not_blurred_by_half():
    """Small nuclei have a lower focus, for the microscope blurs all edges by as much."""
    fields = [entry(focus=1.1) for _ in range(12)] + [entry(focus=0.8) for _ in range(10)]
    assert not any(flag_fields(fields))


def test_chance_alone_makes_no_outlier():
    """Counts of 0 to 3 differ by chance; all the same, their spread is 0."""
    fields = [entry(1)] * 20
    assert not find_flags(entry(3), Typical.of(fields))


def test_images_of_older_runs_have_counts_alone():
    fields = [{"image": "a.tif", "nuclei": n} for n in (0, 5)]
    assert flag_fields(fields) == [[EMPTY], []]


def test_fields_csv(tmp_path):
    first = {"plate": "007", "well": "B03", "row": "B", "column": 3, "field": 2}
    entries = [entry(100, "x, y.tif") | first, entry(0, "b.tif", focus=None) | {"well": "C01"}]
    write_fields(tmp_path / "fields.csv", entries)
    with (tmp_path / "fields.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:6] == ["image", "plate", "well", "row", "column", "field"]
    assert rows[0]["image"] == "x, y.tif"
    assert rows[0]["plate"] == "007"
    assert (rows[0]["nuclei"], rows[0]["focus"], rows[0]["flags"]) == ("100", "1", "")
    assert (rows[1]["plate"], rows[1]["focus"], rows[1]["flags"]) == ("", "", EMPTY)


def test_no_field_at_all(tmp_path):
    write_fields(tmp_path / "fields.csv", [])
    assert (tmp_path / "fields.csv").read_text().startswith("image,nuclei,focus,")
