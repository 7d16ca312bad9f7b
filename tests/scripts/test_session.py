"""The simulated annotator's clock: who waits for whom, and what a stopped session goes on with."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from annotator import session
from annotator.session import CURVE, Pace, Session, in_use

from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.loop.versions import SHIPPED, Version
from nucseg_tf.data.regions import read_regions
from nucseg_tf.io.files import ensure_folder
from nucseg_tf.io.labels import read_labels, write_labels

# A field has two nuclei, and one of them is missed: 5 s + 2 * 0.5 s + 4 s.
FIELD = 10 / 60
TRUTH = np.zeros((20, 20), np.int32)
TRUTH[2:8, 2:8], TRUTH[12:18, 12:18] = 1, 2
FOUND = np.where(TRUTH == 1, TRUTH, 0)


@pytest.fixture
def data(tmp_path):
    """Four fields, and two to score on."""
    for part, count in (("data", 4), ("test", 2)):
        for kind in ("images", "masks"):
            folder = ensure_folder(tmp_path / part / kind)
            for number in range(count):
                write_labels(folder / f"{number}.tif", TRUTH, None)
    return tmp_path


@pytest.fixture
def trained(monkeypatch):
    """A loop of which each training takes a minute, and labels come at once; what it did."""
    names: list[str] = []
    clock = [0.0]

    def label(project):
        names.append("labelled")
        for one in open_project(project).fields.values():
            if not one.masks():
                path = ensure_folder(project / "prelabels") / f"{one.key}_labels.tif"
                write_labels(path, FOUND, None)

    def train(project):
        clock[0] += 60.0
        done = names.count("labelled") + names.count("v2")
        names.append(f"v{done}")
        return Version(names[-1], "done", "nuclei", taken=names[-1] != "v2")

    class Model:
        def predict(self, pixels):
            return TRUTH if len(names) > 1 else FOUND

    monkeypatch.setattr(session, "predict_fields", label)
    monkeypatch.setattr(session, "load_model", lambda folder: Model())
    monkeypatch.setattr(session.learn, "order", lambda project: ["3", "1", "0", "2"])
    monkeypatch.setattr(session.time, "process_time", lambda: clock[0])
    monkeypatch.setattr(session, "train", train)
    return names


def begin(data, order="loop", **pace):
    pace = Pace(**{"first": 2, "grown": 2.0, "start": 0.0} | pace)
    return Session(data / "out", data / "data", data / "test", order, pace)


def test_corrects_on_while_a_model_is_trained(data, trained):
    annotator = begin(data)
    assert annotator.work(10.0, trainings=9)
    curve = pd.read_csv(data / "out" / CURVE)
    # After the first field v1 begins; at its end all are corrected, and v2 begins at once.
    assert curve["model"].tolist() == [SHIPPED, "v1", "v2"]
    assert trained == ["labelled", "v1", "labelled", "v2"]  # which is not taken over
    assert curve["minutes"].tolist() == pytest.approx([0, FIELD + 1, FIELD + 2], abs=0.01)
    assert curve["f1"].tolist() == [pytest.approx(2 / 3, abs=1e-3), 1, 1]
    assert curve["corrections"].tolist() == [0, 4, 4]
    assert curve["trained_on"].tolist() == [0, 2, 8]
    assert annotator.state.done == ["3", "1", "0", "2"]
    mask = annotator.project / "masks" / "3.tif"
    assert np.array_equal(read_labels(mask) > 0, TRUTH > 0)
    assert read_regions(mask) == ()


def test_begins_no_field_once_the_training_is_over(data, trained):
    annotator = begin(data, opening=35.0)  # 40 s a field
    annotator.work(2.5, trainings=9)
    # v1 is trained from 40 s to 100 s; the field begun at 80 s is finished at 120 s.
    assert annotator.state.curve[1]["minutes"] == pytest.approx(100 / 60, abs=0.01)
    assert annotator.state.curve[1]["fields"] == 3
    # v2 begins then.
    assert annotator.state.curve[2]["minutes"] == pytest.approx(180 / 60, abs=0.01)


def test_time_ends_the_work(data, trained):
    annotator = begin(data, first=99)
    assert annotator.work(1.5 * FIELD, trainings=9)
    assert annotator.state.done == ["3", "1"]
    assert trained == ["labelled"]


def test_goes_on_where_it_was_stopped(data, trained):
    assert not begin(data).work(10.0, trainings=1)
    assert begin(data).work(10.0, trainings=9)
    curve = pd.read_csv(data / "out" / CURVE)
    assert curve["minutes"].tolist() == pytest.approx([0, FIELD + 1, FIELD + 2], abs=0.01)


def test_a_training_that_was_stopped_takes_what_its_parts_took(data, trained, monkeypatch):
    whole = session.train

    def stopped(project):
        whole(project)
        trained.pop()
        raise SystemExit(143)

    monkeypatch.setattr(session, "train", stopped)
    with pytest.raises(SystemExit):
        begin(data).work(10.0, trainings=1)
    monkeypatch.setattr(session, "train", whole)
    annotator = begin(data)
    annotator.work(1.0, trainings=1)
    assert annotator.state.curve[1]["training_s"] == 120.0
    assert annotator.state.curve[1]["minutes"] == pytest.approx(FIELD + 2, abs=0.01)


def test_a_share_of_each_field_is_known(data, trained):
    annotator = begin(data, order="random:3", share=0.36)
    annotator.work(FIELD, trainings=0)
    (key,) = annotator.state.done
    assert read_regions(annotator.project / "masks" / f"{key}.tif") == ((4, 4, 16, 16),)


def test_the_model_in_use_is_the_last_that_was_taken():
    rows = [(0, "shipped", 1), (8, "v1", 1), (12, "v2", 0), (21, "v3", 1)]
    curve = pd.DataFrame(rows, columns=["minutes", "model", "taken"])
    assert [in_use(curve, at)["model"] for at in (0, 10, 20, 30)] == ["shipped", "v1", "v1", "v3"]
