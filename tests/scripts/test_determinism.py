"""How results are compared, and what the page says of it."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from reference.drawn import draw
from reliability.same.compare import Count, compare_arrays, compare_files, join
from reliability.same.rows import BEGIN, END, Row, known, with_tables


def test_equal_nuclei_may_have_other_numbers():
    count, labels = Count(), draw("11.22\n11.22")
    count.add(labels, 3 - labels * (labels > 0) - 3 * (labels == 0))
    assert count.row("tiles") == Row("tiles", "1 images, 2 nuclei")


def test_nuclei_that_differ_are_counted_once_whichever_side_has_more():
    count = Count()
    one, two = draw("1111.22222\n1111.22222"), draw("1111.2222.\n1111.22222")  # IoU of 9 in 10
    count.add(one, two)
    count.add(one, 0 * one)
    count.add(0 * one, one)
    row = count.row("tiles", "0.1")
    assert row.compared == "3 images, 4 nuclei"
    assert row.differ == "3 images; 5 nuclei (125.0 %), 4 of them below IoU 0.9"


def test_files_are_compared_byte_for_byte(tmp_path):
    for name, content in (("one", b"a"), ("two", b"b")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_bytes(content)
        (tmp_path / name / "same.csv").write_bytes(b"s")
    folders = (tmp_path / "one", tmp_path / "two")
    assert compare_files(*folders, "x") == Row("x", "1 files, byte for byte")
    (folders[0] / "more.csv").write_bytes(b"")
    assert compare_files(*folders, "x").differ == "1: more.csv"


def test_the_largest_difference_of_arrays(tmp_path):
    for name, value in (("a", 1.0), ("b", 1.25)):
        with h5py.File(tmp_path / name, "w") as file:
            file["w/0"] = np.array([value, 2], np.float32)
            file["w/1"] = np.arange(3)
    assert compare_arrays(tmp_path / "a", tmp_path / "a", "x") == Row("x", "2 arrays")
    row = compare_arrays(tmp_path / "a", tmp_path / "b", "x")
    assert (row.differ, row.largest) == ("1 arrays", "0.25")
    assert join("y", [row, Row("", "a text")]) == Row("y", "2 arrays; a text", "1 arrays", "0.25")


def test_a_row_is_made_once_and_written_between_its_markers(tmp_path):
    row = known(tmp_path, "a", lambda: Row("x", "y"))
    assert known(tmp_path, "a", lambda: pytest.fail("made again")) == row
    begin, end = (mark.format("a") for mark in (BEGIN, END))
    page = f"before\n{begin}\nold\n{end}\n"
    text = with_tables(page, {"a": [row]})
    assert "old" not in text
    assert "| x | y | none | 0 |" in text
    assert with_tables(text, {"a": [row]}) == text
    with pytest.raises(SystemExit, match="no place"):
        with_tables("", {"a": []})
