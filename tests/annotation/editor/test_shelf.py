"""What is known of prelabels is what is on disk."""

from __future__ import annotations

import json
import os
import threading

import numpy as np
import pytest

from nucseg_tf.annotation.editor.prelabels import Suspect
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.editor.shelf import Prelabels, sha256
from nucseg_tf.annotation.loop.label import replace_prelabels

ONE = Suspect(3, 1, 0.3, "at the edge")


def test_objects_csv_is_read_again_when_it_changes(project, folder):
    one = project.fields["A/one"]
    assert (one.objects, one.suspects[0]) == (4, ONE)
    table = "image,label,confidence,suspect,reasons,rank\nA/one.tif,7,0.5,1,odd,1\n"
    (folder / "prelabels" / "objects.csv").write_text(table)
    assert (one.objects, one.suspects) == (1, (Suspect(7, 1, 0.5, "odd"),))


def test_a_sidecar_goes_before_objects_csv_where_it_fits(project, folder):
    one = project.fields["A/one"]
    record = {"model": "v2", "sha256": sha256(one.prelabels), "nuclei": 9, "suspects": []}
    path = folder / "prelabels" / "A" / "one_labels.json"
    path.write_text(json.dumps(record))
    assert one.known() == Prelabels(one.prelabels, record["sha256"], "v2", 9, (), record)
    path.write_text(json.dumps(record | {"sha256": "0"}))
    assert one.known() == Prelabels(one.prelabels)
    path.unlink()
    assert one.suspects[0] == ONE


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"model": 1, "sha256": "", "nuclei": 0, "suspects": []}',
             '{"model": "", "sha256": "", "nuclei": 0, "suspects": [1]}']
)  # fmt: skip
def test_a_damaged_sidecar_is_one_of_no_labels(project, folder, text, caplog):
    (folder / "prelabels" / "A" / "one_labels.json").write_text(text)
    one = project.fields["A/one"]
    assert one.known() == Prelabels(one.prelabels)
    assert "one_labels.json: cannot be read" in caplog.text


def test_the_same_folder_seen_field_by_field_and_at_once(project, folder):
    """The naive twin of `Project.look` asks for each file."""
    begun = project.fields["two"].state
    begun.mkdir(parents=True)
    (begun / "journal.jsonl").write_text("{}\n")
    (folder / "annotation" / "A" / "one").mkdir(parents=True)  # a folder without a journal
    for key, seen in project.look().items():
        one = project.fields[key]
        assert (seen.begun, seen.masked) == (one.is_begun, bool(one.masks()))
        assert seen.has_work == one.has_work
        assert seen.known == (Prelabels() if one.has_work else one.known())


def test_a_reader_never_sees_a_pair_that_is_mixed(project):
    """One thread replaces labels of 1 to 9 nuclei, another reads them all the while."""
    one = project.fields["A/one"]
    stop = threading.Event()

    def write() -> None:
        for turn in range(60):
            count = 1 + turn % 9
            labels = np.zeros((72, 96), np.int32)
            labels[0, :count] = range(1, count + 1)
            suspects = [{"label": count, "rank": 1, "confidence": None, "reasons": ""}]
            record = {"model": f"v{turn}", "nuclei": count, "suspects": suspects}
            replace_prelabels(one.prelabels, labels, record, None)
        stop.set()

    thread = threading.Thread(target=write)
    thread.start()
    fits = 0
    while not stop.is_set():
        known = open_project(project.folder).fields["A/one"].known()
        if known.record:
            assert known.nuclei == known.suspects[0].label == known.record["nuclei"]
            fits += 1
    thread.join()
    assert fits
    assert one.known().model == "v59"


def test_files_of_the_same_time_and_size_are_told_apart(project, folder):
    """A file that was replaced has another number, whatever its time."""
    one = project.fields["A/one"]
    path = folder / "prelabels" / "A" / "one_labels.json"
    record = {"model": "v1", "sha256": sha256(one.prelabels), "nuclei": 4, "suspects": []}
    path.write_text(json.dumps(record))
    before = path.stat()
    assert one.known().model == "v1"
    other = path.with_name("other.json")
    other.write_text(json.dumps(record | {"model": "v2"}))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    assert one.known().model == "v2"
