import json
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.loop import locks, status, versions
from nucseg_tf.annotation.loop.accepted import accepted_fields, digest_of
from nucseg_tf.annotation.loop.status import obstacle
from nucseg_tf.annotation.loop.table import as_text
from nucseg_tf.annotation.loop.versions import SHIPPED, FieldUse, Version

SCORE = {"f1": 0.8, "splits": 1, "merges": 2, "missed": 3, "spurious": 4}


def accepted(folder):
    return accepted_fields(open_project(folder).fields.values())


def add(folder, state="done", **values):
    """A version of what is accepted now."""
    parts = ["train", "left_out", "train"]
    uses = [
        FieldUse(one.field.key, part, 8, digest_of(one.mask))
        for one, part in zip(accepted(folder), parts, strict=False)
    ]
    version = Version(versions.next_name(folder), state, "nuclei", (), tuple(uses), **values)
    (versions.home(folder, version.name) / "run").mkdir(parents=True)
    return versions.write(folder, version)


def test_before_anything_is_corrected(folder):
    found = status(folder)
    assert (found["model"], found["training"], found["versions"]) == (SHIPPED, None, [])
    assert found["corrected"]["fields"] == 0
    assert found["train"] == {
        "why": "no field is corrected yet. Correct one, and accept it",
        "what": "",
    }
    assert found["predicting"] is None
    json.dumps(found)


def test_what_a_training_would_be_on(folder, accept):
    accept(folder, "a", 1)
    assert status(folder)["train"]["why"] == ""
    assert "three quarters" in status(folder)["train"]["what"]
    accept(folder, "b", 2)
    accept(folder, "c", 3)
    found = status(folder)
    assert found["train"] == {"why": "", "what": "Train on 2 fields; 1 left out to score on"}
    expected = {"fields": 3, "train": 2, "left_out": 1, "nuclei": 24, "since": 3}
    assert found["corrected"] == expected


def test_without_corrections_there_is_nothing_to_train(folder, accept):
    accept(folder, "a", 1)
    accept(folder, "b", 2)
    version = add(folder)
    assert "nothing was corrected since v1" in status(folder)["train"]["why"]
    assert obstacle(accepted(folder), [version], again=True) == ""
    assert obstacle(accepted(folder), [version], settings=("training.epochs=3",)) == ""
    mask = folder / "masks" / "a.tif"
    mask.write_bytes(mask.read_bytes() + b"x")
    found = status(folder)
    assert (found["train"]["why"], found["corrected"]["since"]) == ("", 1)


def test_a_single_field_of_few_nuclei_is_too_little(folder, accept):
    accept(folder, "a", 1)
    few = [replace(one, nuclei=3) for one in accepted(folder)]
    assert "a single corrected field with 3 nuclei" in obstacle(few, [])


def test_a_training_under_way(folder, accept):
    accept(folder, "a", 1)
    accept(folder, "b", 2)
    version = add(folder, "training")
    progress = {"stage": "training", "epoch": 2, "epochs": 9, "eta_seconds": 90.0, "loss": [0.5]}
    run = versions.home(folder, "v1") / "run"
    versions.write_json(run / "progress.json", progress)
    with locks.hold(folder, locks.TRAINING):
        found = status(folder)
        assert found["train"]["why"] == "a training is under way"
        assert found["training"]["state"] == "training"
        assert not found["training"]["resumable"]
        assert {key: found["training"][key] for key in progress} == progress
        assert "v1: training, epoch 2 of 9, 1.5 minutes left" in as_text(found)
    found = status(folder)["training"]  # the process was killed
    assert (found["name"], found["state"], found["resumable"]) == ("v1", "interrupted", True)
    versions.write(folder, replace(version, state="stopped"))
    assert status(folder)["training"]["state"] == "stopped"
    with locks.hold(folder, locks.SUBMITTED):
        assert status(folder)["training"]["state"] == "queued"
    versions.write(folder, replace(version, state="failed", error="disk full"))
    found = status(folder)["training"]
    assert (found["state"], found["resumable"], found["error"]) == ("failed", False, "disk full")


def test_versions_are_told_with_their_scores(folder, accept):
    accept(folder, "a", 1)
    accept(folder, "b", 2)
    curve = {"points": [], "text": "More fields will probably help."}
    add(folder, scores={SHIPPED: SCORE, "v1": SCORE | {"f1": 0.9}}, taken=True, curve=curve,
        reason="F1 0.900 on the field left out.")  # fmt: skip
    found = status(folder)
    (row,) = found["versions"]
    assert (row["train"], row["left_out"], row["nuclei"], row["taken"]) == (1, 1, 8, True)
    assert found["curve"] == curve
    text = as_text(found | {"next": [{"field": "d", "why": "all is wrong"}] * 5})
    assert text.count("correct next: d: all is wrong") == 3
    assert "v1             1       8       0.900  1       2       3       4" in text
    assert "v1: F1 0.900 on the field left out." in text
    assert "More fields will probably help." in text


@pytest.mark.parametrize("content", [None, "{", '{"state": "running", "done": 1, "total": 3}'])
def test_labelling_is_told_while_it_runs(folder, content):
    if content:
        (folder / "loop").mkdir()
        (folder / "loop" / "predicting.json").write_text(content)
    with locks.hold(folder, locks.PREDICTING):
        found = status(folder)
        assert found["predicting"]["running"]
        assert "labelling: " in as_text(found)


def test_asking_is_cheap(folder, accept):
    """Neither TensorFlow nor SciPy is loaded; it takes milliseconds where fields are known."""
    code = (
        "import sys; from pathlib import Path; from nucseg_tf.annotation.loop import status;"
        "status(Path(sys.argv[1])); print({*sys.modules} & {'tensorflow', 'keras', 'scipy'})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, folder], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
    for hour, key in enumerate("abcd"):
        accept(folder, key, hour)
    for _ in range(20):
        add(folder)
    fields = open_project(folder).fields
    status(folder, fields)
    began = time.process_time()
    for _ in range(10):
        status(folder, fields)
    assert (time.process_time() - began) / 10 < 0.05
