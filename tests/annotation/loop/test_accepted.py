import json
import shutil

import pytest

from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.editor.shelf import sha256
from nucseg_tf.annotation.loop.accepted import accepted_fields, digest_of


@pytest.fixture
def found(folder):
    return lambda: accepted_fields(open_project(folder).fields.values())


def test_in_the_order_of_first_acceptance(folder, accept, found):
    for hour, key in enumerate("cadc"):  # c a second time: its first counts
        accept(folder, key, hour)
    assert [one.field.key for one in found()] == ["c", "a", "d"]
    assert found()[0].recorded == sha256(found()[0].mask)
    assert {one.nuclei for one in found()} == {8}


def test_masks_from_elsewhere_come_last(folder, accept, found):
    accept(folder, "d", 5)
    for key in "ba":
        shutil.copy(folder / "prelabels" / f"{key}_labels.tif", folder / "masks" / f"{key}.tif")
    assert [(one.field.key, one.nuclei) for one in found()] == [("d", 8), ("a", None), ("b", None)]


def test_without_a_mask_nothing_is_accepted(folder, accept, found):
    accept(folder, "a", 1).unlink()
    assert found() == []


def test_the_journal_counts_where_its_summary_is_old(folder, accept, found):
    accept(folder, "a", 1)
    history = folder / "annotation" / "a" / "history.json"
    summary = json.loads(history.read_text())
    history.write_text(json.dumps(summary | {"accepted": [], "journal_bytes": 1}))
    assert [one.first[11:13] for one in found()] == ["01"]
    with (folder / "annotation" / "a" / "journal.jsonl").open("a") as journal:
        journal.write('{"type": "accept", "time": "torn')
    assert len(found()) == 1


def test_regions_are_part_of_the_hash(folder, accept):
    mask = accept(folder, "a", 1)
    assert digest_of(mask) == sha256(mask)
    side = mask.with_name("a.regions.json")
    side.write_text('{"boxes": [[0, 0, 9, 9]]}')
    first = digest_of(mask)
    assert first != sha256(mask)
    side.write_text('{"boxes": [[0, 0, 9, 10]]}')
    assert digest_of(mask) != first
