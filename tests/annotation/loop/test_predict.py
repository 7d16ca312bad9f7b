"""Fields labelled one by one: what is touched, in what order, and what a kill leaves."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
from reference.drawn import drawn_nuclei
from reference.killing import killed_copies

from nucseg_tf.__main__ import main
from nucseg_tf.annotation.editor.field import AnnotationField
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.editor.shelf import sha256
from nucseg_tf.annotation.loop import learn, predict, versions
from nucseg_tf.annotation.loop.predict import predict_fields
from nucseg_tf.errors import UsageError
from nucseg_tf.imaging.components import components
from nucseg_tf.io.labels import read_labels, write_labels
from nucseg_tf.types import Instances

KEYS = ("a", "b", "A/begun", "A/corrected", "A/d")


class Drawn:
    """Stands for a model: takes bright pixels for nuclei; versions have thresholds of their own."""

    def __init__(self, threshold: int):
        self.threshold = threshold
        self.info = SimpleNamespace(confidence=object())

    def predict_instances(self, image: np.ndarray, **_: object) -> Instances:
        labels, count = components(image > self.threshold)
        return Instances(labels, np.linspace(0.5, 0.9, count).astype(np.float32))

    def find(self, image: np.ndarray, _: object) -> SimpleNamespace:
        return SimpleNamespace(instances=self.predict_instances(image))

    def diameter_of(self, _: object) -> None:
        return None


def load(_: Path, name: str) -> Drawn:
    return Drawn(125 if name == "v1" else 60)


def make_project(folder: Path) -> Path:
    """Fields a, b, A/d without work; A/begun with a journal and A/corrected with a mask."""
    image, labels = drawn_nuclei()
    for number, key in enumerate(KEYS):
        path = folder / "images" / f"{key}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, np.roll(image, 3 * number, axis=0))
    (folder / "annotation" / "A" / "begun").mkdir(parents=True)
    (folder / "annotation" / "A" / "begun" / "journal.jsonl").write_text('{"type": "begin"}\n')
    for path in (folder / "masks" / "A" / "corrected.tif", folder / "prelabels" / "b_labels.tif"):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_labels(path, np.where(labels == 4, 9, labels))
    table = "image,label,confidence,suspect,reasons,rank\nb.tif,9,0.5,1,odd,1\n"
    (folder / "prelabels" / "objects.csv").write_text(table)
    (folder / "loop" / "v1" / "model").mkdir(parents=True)
    return folder


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(predict, "load", load)
    return make_project(tmp_path)


def contents(folder: Path, *parts: str) -> dict[str, bytes]:
    files = (path for part in parts for path in (folder / part).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def state(folder: Path) -> dict:
    return json.loads((folder / "loop" / "predicting.json").read_text())


def names(folder: Path) -> set[str]:
    return set(contents(folder, "prelabels"))


def sidecar(folder: Path, key: str) -> dict:
    return json.loads((folder / "prelabels" / f"{key}_labels.json").read_text())


def test_fields_without_work_get_labels_and_others_are_not_touched(folder):
    before = contents(folder, "images", "masks", "annotation")
    outcome = predict_fields(folder)
    assert outcome.done == ["a", "b", "A/d", "A/begun", "A/corrected"]  # what can be shown first
    assert outcome.failures == {}
    assert contents(folder, "images", "masks", "annotation") == before
    labelled = ["a_labels", "b_labels", "A/d_labels", "A/begun_model", "A/corrected_model"]
    pairs = {f"prelabels/{name}.{end}" for name in labelled for end in ("tif", "json")}
    assert names(folder) == pairs | {"prelabels/b_before.tif", "prelabels/objects.csv"}
    for key in ("a", "b", "A/d"):
        image = tifffile.imread(folder / "images" / f"{key}.tif")
        path = folder / "prelabels" / f"{key}_labels.tif"
        assert np.array_equal(read_labels(path), components(image > 60)[0])
        known = sidecar(folder, key)
        assert (known["model"], known["sha256"]) == ("fpn2ws-nuclei", sha256(path))
        assert known["nuclei"] == read_labels(path).max()
        assert known["learn"] > 0
        assert "nuclei" in known["why"]
    assert state(folder) == {
        "state": "done", "model": "fpn2ws-nuclei", "done": 5, "total": 5, "field": "",
        "planes": {}, "failures": {}, "error": "",
    }  # fmt: skip


def test_the_open_field_comes_first_and_progress_is_written(folder):
    seen = []

    def progress(done: int, total: int, key: str) -> bool:
        seen.append((done, total, key, state(folder)["field"], state(folder)["state"]))
        return True

    predict_fields(folder, first="A/d", progress=progress)
    assert [key for _, _, key, *_ in seen] == ["A/d", "a", "b", "A/begun", "A/corrected"]
    assert [done for done, *_ in seen] == [1, 2, 3, 4, 5]
    assert all(key == field and state == "running" for _, _, key, field, state in seen)


def test_what_is_labelled_is_left_as_it_is(folder):
    predict_fields(folder)
    before = contents(folder, "prelabels")
    assert predict_fields(folder).done == []
    assert contents(folder, "prelabels") == before
    assert predict_fields(folder, again=True).done != []
    assert contents(folder, "prelabels") == before
    assert predict_fields(folder, keys=["a"], again=True).done == ["a"]
    with pytest.raises(UsageError, match="no such field"):
        predict_fields(folder, keys=["a", "c"])


def test_another_choice_of_the_plane_labels_anew(folder):
    predict_fields(folder)
    image = tifffile.imread(folder / "images" / "a.tif")
    tifffile.imwrite(folder / "images" / "a.tif", np.stack([image * 0, image]))
    (folder / "annotation" / "project.json").write_text('{"channel": null, "z": "max"}')
    outcome = predict_fields(folder)  # the others have a single plane
    assert (len(outcome.done), outcome.failures) == (5, {})
    assert sidecar(folder, "a")["nuclei"] == sidecar(folder, "b")["nuclei"]


def test_dark_nuclei_are_found_in_the_negative(folder):
    predict_fields(folder, keys=["a"])
    found = read_labels(folder / "prelabels" / "a_labels.tif")
    image = folder / "images" / "a.tif"
    tifffile.imwrite(image, 255 - tifffile.imread(image))
    (folder / "annotation" / "project.json").write_text('{"invert": true}')
    assert predict_fields(folder, keys=["a"]).done == ["a"]
    assert np.array_equal(read_labels(folder / "prelabels" / "a_labels.tif"), found)
    assert sidecar(folder, "a")["planes"] == {"invert": True}
    assert predict_fields(folder, keys=["a"]).done == []


def test_the_labels_of_the_model_before_are_kept(folder):
    first = read_labels(folder / "prelabels" / "b_labels.tif")
    predict_fields(folder)
    assert sidecar(folder, "b")["before"] == ""
    assert np.array_equal(read_labels(folder / "prelabels" / "b_before.tif"), first)
    shipped = read_labels(folder / "prelabels" / "b_labels.tif")
    versions.choose(folder, "v1")
    assert len(predict_fields(folder).done) == 5
    predict_fields(folder, again=True)  # the same model again is not "before"
    assert sidecar(folder, "b") | {"before": "fpn2ws-nuclei", "model": "v1"} == sidecar(folder, "b")
    assert np.array_equal(read_labels(folder / "prelabels" / "b_before.tif"), shipped)
    assert not np.array_equal(read_labels(folder / "prelabels" / "b_labels.tif"), shipped)


def test_a_field_that_fails_does_not_stop_others(folder):
    (folder / "images" / "b.tif").write_bytes(b"no image")
    outcome = predict_fields(folder)
    assert outcome.done == ["a", "A/d", "A/begun", "A/corrected"]
    assert "b.tif" in outcome.failures["b"]
    assert state(folder)["failures"] == outcome.failures
    assert state(folder)["state"] == "done"


def test_a_stop_leaves_the_rest_to_the_next_run(folder):
    outcome = predict_fields(folder, progress=lambda done, total, key: done < 2)
    assert (outcome.done, outcome.stopped) == (["a", "b"], True)
    assert state(folder)["state"] == "stopped"
    assert predict_fields(folder).done == ["A/d", "A/begun", "A/corrected"]


def test_a_model_that_cannot_be_used_is_said(folder, monkeypatch):
    def damaged(*_: object) -> None:
        raise ValueError("damaged")

    monkeypatch.setattr(predict, "load", damaged)
    with pytest.raises(ValueError, match="damaged"):
        predict_fields(folder)
    assert (state(folder)["state"], state(folder)["error"]) == ("failed", "damaged")


def test_a_model_that_is_chosen_meanwhile_labels_all(folder):
    def progress(done: int, total: int, key: str) -> bool:
        if versions.current(folder) != "v1" and done == 2:
            versions.choose(folder, "v1")
        return True

    outcome = predict_fields(folder, progress=progress)
    assert (outcome.model, len(outcome.done)) == ("v1", 5)
    assert all(sidecar(folder, key)["model"] == "v1" for key in ("a", "b", "A/d"))


def test_work_that_begins_while_a_field_is_looked_at_is_not_replaced(folder, monkeypatch):
    def begin(self: Drawn, image: np.ndarray, options: object) -> SimpleNamespace:
        path = folder / "annotation" / "b" / "journal.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text('{"type": "begin"}\n')
        return SimpleNamespace(instances=self.predict_instances(image))

    before = (folder / "prelabels" / "b_labels.tif").read_bytes()
    monkeypatch.setattr(Drawn, "find", begin)
    predict_fields(folder, keys=["b"])
    assert (folder / "prelabels" / "b_labels.tif").read_bytes() == before
    new = names(folder) - {"prelabels/b_labels.tif", "prelabels/objects.csv"}
    assert new == {"prelabels/b_model.tif", "prelabels/b_model.json"}


def test_the_order_of_the_fields(folder):
    predict_fields(folder)
    fields = {key: sidecar(folder, key) for key in ("a", "b", "A/d")}
    corrected = json.loads((folder / "prelabels" / "A" / "corrected_model.json").read_text())
    judged = learn.judge(fields, [corrected["features"]])
    expected = sorted(judged, key=lambda key: -judged[key].value)
    assert learn.order(folder) == expected
    assert set(expected) == {"a", "b", "A/d"}


def test_the_command(folder, capsys):
    assert main(["loop", "predict", str(folder), "--fields", "a,A/d", "--first", "A/d"]) == 0
    assert capsys.readouterr().out == "2 fields labelled with fpn2ws-nuclei\n"
    assert main(["loop", "predict", str(folder), "--fields", "a", "--again"]) == 0
    assert capsys.readouterr().out.startswith("1 fields")


def test_sigterm_ends_it_after_the_field_at_hand(folder, monkeypatch):
    def asked_to_end(self: Drawn, image: np.ndarray, _: object) -> SimpleNamespace:
        os.kill(os.getpid(), signal.SIGTERM)
        return SimpleNamespace(instances=self.predict_instances(image))

    monkeypatch.setattr(Drawn, "find", asked_to_end)
    assert main(["loop", "predict", str(folder)]) == 128 + signal.SIGTERM
    now = state(folder)
    assert (now["state"], now["done"], now["total"]) == ("stopped", 1, 5)
    assert open_project(folder).fields["a"].known().model == "fpn2ws-nuclei"


KILL = """
    import os, signal, sys
    from pathlib import Path
    sys.path[:0] = {path!r}
    import test_predict as t
    from nucseg_tf.annotation.loop import predict
    predict.load = t.load
    for folder in map(Path, sys.argv[1:]):
        child = os.fork()
        if not child:
            replace, count = Path.replace, [0]
            def dying(self, target):
                count[0] += 1
                if count[0] == int(folder.name):
                    os.kill(os.getpid(), signal.SIGKILL)
                return replace(self, target)
            Path.replace = dying
            predict.predict_fields(folder, keys=["b", "A/corrected"])
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("earlier", [False, True], ids=["first labels", "new labels"])
def test_killed_anywhere_pairs_are_never_mixed_and_the_next_run_goes_on(
    folder, tmp_path_factory, earlier
):
    if earlier:
        predict_fields(folder, keys=["b", "A/corrected"])
        versions.choose(folder, "v1")
    parent = tmp_path_factory.mktemp("kill")
    copies = killed_copies(KILL, folder, parent, 15, Path(__file__).parent)
    kept = contents(folder, "masks", "annotation")
    expected = contents(copies[-1], "prelabels")
    for copy in copies:
        check_pair(open_project(copy).fields["b"])
        predict_fields(copy, keys=["b", "A/corrected"])
        found = contents(copy, "prelabels")
        assert found == expected  # nothing hidden is left, either
        assert contents(copy, "masks", "annotation") == kept


def check_pair(field: AnnotationField) -> None:
    """What is known of the labels is of these: suspects, model and number of nuclei."""
    known, labels = field.known(), read_labels(field.prelabels)
    assert {suspect.label for suspect in known.suspects} <= set(np.unique(labels))
    if known.record:
        image = tifffile.imread(field.image)
        assert known.sha256 == sha256(field.prelabels)
        assert np.array_equal(load(Path(), known.model).predict_instances(image).labels, labels)
