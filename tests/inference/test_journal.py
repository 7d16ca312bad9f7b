import json

import numpy as np
import pytest

from nucseg_tf.errors import OutputError
from nucseg_tf.inference.journal import Journal, forget
from nucseg_tf.io.tables import Table

EMPTY = Table({"image": np.zeros(0, object), "area": np.zeros(0)})


def table(name, *areas, **more):
    columns = {"image": np.full(len(areas), name, object), "area": np.array(areas, float)}
    return Table(columns | more)


def note(journal, name, *tables, failures=()):
    with journal.rows(name) as rows:
        for part in tables:
            rows.write(part)
        rows.keep({"image": name}, list(failures))


def written(journal, names):
    journal.write(names, EMPTY)
    return journal.table.read_text()


def test_rows_in_the_order_of_the_images(tmp_path):
    journal = Journal(tmp_path, "key")
    note(journal, "b", table("b", 1, 2))
    note(journal, "c", table("c"))
    note(journal, "a", table("a", 3), table("a", 4.5))
    assert written(journal, ["a", "b", "c"]) == "image,area\na,3\na,4.5\nb,1\nb,2\n"
    forget(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["objects.csv"]


def test_no_rows_at_all(tmp_path):
    assert written(Journal(tmp_path, "key"), []) == "image,area\n"


def test_columns_that_only_some_images_have(tmp_path):
    journal = Journal(tmp_path, "key")
    note(journal, "a", table("a", 1, gfp=np.array([7])))
    note(journal, 'b, "x"', table('b, "x"\n', 2, rfp=np.array(["r"], object)))
    assert written(journal, ["a", 'b, "x"']) == ('image,area,gfp,rfp\na,1,7,\n"b, ""x""\n",2,,r\n')


def test_what_is_not_kept_leaves_nothing(tmp_path):
    journal = Journal(tmp_path, "key")
    note(journal, "a", table("a", 1))
    with journal.rows("b") as rows:
        rows.write(table("b", 2))
    with pytest.raises(ZeroDivisionError), journal.rows("c") as rows:
        rows.write(table("c", 3)) or 1 / 0
    note(journal, "d", table("d", 4))
    assert list(journal.entries) == ["a", "d"]
    assert written(journal, ["a", "b", "c", "d"]) == "image,area\na,1\nd,4\n"


def test_planes_of_an_image_have_the_same_columns(tmp_path):
    journal = Journal(tmp_path, "key")
    with journal.rows("a") as rows:
        rows.write(table("a", 1))
        with pytest.raises(ValueError, match="expected columns"):
            rows.write(table("a", 1, more=np.array([1])))


def test_a_run_that_was_cut_off_anywhere_is_gone_on_with(tmp_path):
    whole = Journal(tmp_path, "key")
    note(whole, "a", table("a", 1))
    note(whole, "b", table("b", 2, 3))
    rows, lines = (tmp_path / name for name in (".objects.csv.part", ".run.jsonl"))
    all_rows, all_lines = rows.read_bytes(), lines.read_bytes()
    for length in range(len(all_lines) + 1):
        rows.write_bytes(all_rows + b"c,9")
        lines.write_bytes(all_lines[:length])
        journal = Journal(tmp_path, "key")
        assert list(journal.entries) == ["a", "b"][: max(0, all_lines[:length].count(b"\n") - 1)]
        for name, part in (("a", table("a", 1)), ("b", table("b", 2, 3))):
            if name not in journal.entries:
                note(journal, name, part)
        assert written(journal, ["a", "b"]) == "image,area\na,1\nb,2\nb,3\n"


def test_a_stack_that_lacks_planes_is_tried_again(tmp_path):
    first = Journal(tmp_path, "key")
    note(first, "a", table("a", 1), failures=[("a (z 1)", "broken")])
    note(first, "b", table("b", 2))
    assert list(first.entries) == ["a", "b"]
    again = Journal(tmp_path, "key")
    assert list(again.entries) == ["b"]
    note(again, "a", table("a", 1), table("a", 3))
    assert list(Journal(tmp_path, "key").entries) == ["b", "a"]
    assert written(again, ["a", "b"]) == "image,area\na,1\na,3\nb,2\n"


def test_rows_that_are_lost_are_made_again(tmp_path):
    first = Journal(tmp_path, "key")
    note(first, "a", table("a", 1))
    note(first, "b", table("b", 2))
    with (tmp_path / ".objects.csv.part").open("r+b") as rows:
        rows.truncate(first.entries["b"].end - 1)
    again = Journal(tmp_path, "key")
    assert list(again.entries) == ["a"]
    assert again.entries["a"] == first.entries["a"]


@pytest.mark.parametrize("damage", [b"", b"\x00\xff", b"[1]\n", b'{"key": "other"}\n'])
def test_what_is_of_another_run_is_not_taken_over(tmp_path, damage):
    note(Journal(tmp_path, "key"), "a", table("a", 1))
    (tmp_path / ".run.jsonl").write_bytes(damage)
    journal = Journal(tmp_path, "key")
    assert not journal.entries
    note(journal, "b", table("b", 2))
    assert written(journal, ["a", "b"]) == "image,area\nb,2\n"
    assert json.loads((tmp_path / ".run.jsonl").read_text().split("\n")[0]) == {"key": "key"}


def test_images_of_a_run_share_what_is_said_of_their_columns(tmp_path):
    journal = Journal(tmp_path, "key")
    for name in "abc":
        note(journal, name, table(name, 1, **({"gfp": np.array([7])} if name == "c" else {})))
    for resumed in (journal, Journal(tmp_path, "key")):
        first, second, third = (resumed.entries[name].columns for name in "abc")
        assert second is first
        assert list(third) == ["image", "area", "gfp"]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[1]",
        '{"name": "b"}',
        '{"name": "b", "start": 4, "end": 99, "columns": {}, "image": {}}',
        '{"name": "b", "start": 4, "end": 6, "columns": {}, "image": {}}',
        '{"name": "b", "start": 4, "end": 2, "columns": {}, "image": {}}',
        '{"name": "b", "start": 0, "end": 4, "columns": 3, "image": {}}',
    ],
)
def test_from_a_damaged_line_on_images_are_done_again(tmp_path, line):
    journal = Journal(tmp_path, "key")
    for name in "abc":
        note(journal, name, table(name, 1))
    lines = (tmp_path / ".run.jsonl").read_text().splitlines()
    (tmp_path / ".run.jsonl").write_text("\n".join([*lines[:2], line, *lines[3:], ""]))
    again = Journal(tmp_path, "key")
    assert list(again.entries) == ["a"]
    note(again, "b", table("b", 2))
    assert written(again, ["a", "b"]) == "image,area\na,1\nb,2\n"


def test_rows_of_other_columns_than_said_are_damaged(tmp_path):
    journal = Journal(tmp_path, "key")
    note(journal, "a", table("a", 1))
    note(journal, "b", table("b", 1, gfp=np.array([7])))
    rows = tmp_path / ".objects.csv.part"
    rows.write_text(rows.read_text().replace("a,1", "aa1"))
    with pytest.raises(OutputError, match=r"the rows of a are damaged\. Remove this file"):
        journal.write(["a", "b"], EMPTY)
