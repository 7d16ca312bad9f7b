"""The annotator's half hour: corrections and trainings on one clock.

    OUT/project/        the project, as `nucseg annotate` and `nucseg loop` have it
    OUT/session.json    how far it is; written whole before and after each training
    OUT/curve.csv       a row a model that came into use: when, after how much work, how good

The annotator corrects a field, accepts it, and takes the next one. Where no training is under way
and enough has been added since the last, one begins; the annotator goes on meanwhile with what
labels there are. The new labels come when the training is over, all fields have been labelled anew
and its process had its time to start. Whoever is in the middle of a field then finishes it. Between
the end of a training and that of the labelling nobody begins a field.

Trainings and labelling are real ones; what they take on the clock is their time on the processor,
which is what one core takes for them that has nothing else to do. So what else goes on here is not
counted, nor what a second core helps. A training that is stopped and gone on with takes what its
parts took; what a part did that was killed without warning is lost.
"""

from __future__ import annotations

import json
import random
import shutil
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pandas as pd

from annotator.hand import Corrected, correct, middle
from nucseg_tf.annotation.editor.masks import write_mask
from nucseg_tf.annotation.editor.prelabels import field_key
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.loop import learn, versions
from nucseg_tf.annotation.loop.predict import predict_fields
from nucseg_tf.annotation.loop.train import train
from nucseg_tf.data.fields import load_field
from nucseg_tf.data.manifest import find_fields
from nucseg_tf.errors import DataError
from nucseg_tf.evaluation.scores import ERROR_IOU, score_image, summarise
from nucseg_tf.inference.segmenter import load_model
from nucseg_tf.io.files import atomic_path, ensure_folder
from nucseg_tf.io.labels import read_labels

STATE, CURVE = "session.json", "curve.csv"


@dataclass(frozen=True)
class Pace:
    """How fast an annotator works, and when a training begins.

    Attributes:
        correction: s a nucleus touched.
        glance: s a nucleus looked at.
        opening: s a field, until it is seen.
        share: of each field that is corrected, in its middle; of the rest nothing is known.
        first: nuclei accepted before the first training.
        grown: times as many nuclei as at the last training, before the next.
        start: s until a training's process is under way.
    """

    correction: float = 4.0
    glance: float = 0.5
    opening: float = 5.0
    share: float = 1.0
    first: int = 30
    grown: float = 1.5
    start: float = 8.0


@dataclass
class State:
    """How far an annotator is.

    Attributes:
        minutes: on the clock.
        looked, corrections: nuclei so far.
        nuclei: accepted so far.
        trained: nuclei that were accepted when the last training began.
        began: minutes when the training that is under way began; None without one.
        spent: s of the processor that it took so far.
        done: keys of the fields that are accepted, in order.
        curve: rows of curve.csv.
    """

    minutes: float = 0.0
    looked: int = 0
    corrections: int = 0
    nuclei: int = 0
    trained: int = 0
    began: float | None = None
    spent: float = 0.0
    done: list[str] = field(default_factory=list)
    curve: list[dict[str, float | int | str]] = field(default_factory=list)


class Session:
    """One annotator at work.

    Args:
        out: folder of the session.
        data: fields with true labels, which only the simulated hand sees.
        test: fields to score models on.
        order: "loop", or "random:SEED".
        pace: of the work.
    """

    def __init__(self, out: Path, data: Path, test: Path, order: str, pace: Pace):
        self.out, self.order, self.pace = ensure_folder(out), order, pace
        self.project = out / "project"
        self.truth = {field_key(one.group, one.image): one for one in find_fields(data)}
        self.test = find_fields(test)
        self.state = self._read() if (out / STATE).is_file() else self._begin()

    def work(self, minutes: float, trainings: int) -> bool:
        """Go on; whether the time is over, or all is corrected. Else the next call goes on.

        Args:
            minutes: on the clock, when to stop.
            trainings: how many to run now at most.
        """
        state = self.state
        while True:
            if state.began is None and self._enough() and state.minutes < minutes:
                if not trainings:
                    return False
                state.began, state.trained = state.minutes, state.nuclei
                trainings -= 1
            self._write()
            if state.began is not None:
                version = self._train()
                ends = state.began + (self.pace.start + state.spent) / 60
                while state.minutes < ends and self._correct_next(minutes):
                    pass
                self._renew(version, ends)
            elif not self._correct_next(minutes):
                return True

    def _train(self) -> versions.Version:
        """The version that belongs to the training under way; goes on with one that was stopped."""
        known = versions.read_versions(self.project)
        finished = [version for version in known if version.state == "done"]
        if len(finished) > len(self.state.curve) - 1:  # killed behind its training
            return finished[-1]
        began = time.process_time()
        try:
            return train(self.project)
        finally:  # also if it is stopped: the next call adds its own
            self.state.spent += time.process_time() - began
            self._write()

    def _enough(self) -> bool:
        state, pace = self.state, self.pace
        return state.nuclei >= max(pace.first, pace.grown * state.trained) and bool(state.done)

    def _correct_next(self, minutes: float) -> bool:
        """Correct the next field and accept it; False where the time is over, or there is none."""
        key = self._next()
        if key is None or self.state.minutes >= minutes:
            return False
        target = open_project(self.project).fields[key]
        if target.prelabels is None:
            raise DataError(f"{target.image}: has no labels to correct; see {self.project}/loop")
        truth = load_field(self.truth[key])[1]
        box = middle(truth.shape, self.pace.share)
        found = correct(read_labels(target.prelabels), truth, box)
        ensure_folder(target.mask.parent)
        regions = [box] if self.pace.share < 1 else []
        write_mask(target, found.labels, None, ours=False, regions=regions)
        self._note(key, found)
        return True

    def _note(self, key: str, found: Corrected) -> None:
        """Count a field that is accepted, and let the clock go on."""
        state, pace = self.state, self.pace
        seconds = pace.opening + pace.glance * found.looked + pace.correction * found.corrections
        state.minutes += seconds / 60
        state.looked += found.looked
        state.corrections += found.corrections
        state.nuclei += found.nuclei
        state.done.append(key)
        self._write()
        print(
            f"{state.minutes:5.1f} min: {key}, {found.corrections} of {found.looked} nuclei "
            "corrected",
            flush=True,
        )

    def _next(self) -> str | None:
        """The field to correct next."""
        left = [key for key in self.truth if key not in self.state.done]
        name, _, seed = self.order.partition(":")
        if name == "loop":
            ordered = learn.order(self.project)
        else:
            ordered = random.Random(int(seed)).sample(list(self.truth), len(self.truth))
        return next((key for key in ordered if key in left), None)

    def _renew(self, version: versions.Version, ends: float) -> None:
        """Label all other fields with a version that is taken over, and score it."""
        began, state = time.process_time(), self.state
        if version.taken:
            predict_fields(self.project)
        labelling = time.process_time() - began
        ready = ends + labelling / 60
        state.minutes = max(state.minutes, ready)
        seconds = {
            "training_s": state.spent,
            "wall_s": version.seconds,
            "labelling_s": labelling,
        }
        state.began, state.spent = None, 0.0
        self._score(ready, version.name, version.taken, seconds)

    def _score(self, minutes: float, name: str, taken: bool, seconds: dict[str, float]) -> None:
        """Add a row to the curve: a model on the fields that nobody corrects."""
        model = load_model(versions.model_folder(self.project, name))
        scores = []
        for one in self.test:
            pixels, truth = load_field(one)
            scores.append(score_image(truth, model.predict(pixels), (ERROR_IOU,)))
        found, state = summarise(scores), self.state
        row = {
            "minutes": round(minutes, 2),
            "model": name,
            "taken": int(taken),
            "f1": round(found["thresholds"][f"{ERROR_IOU:.2f}"]["f1"], 4),
            "splits": found["splits"],
            "merges": found["merges"],
            "missed": found["false_negatives"],
            "spurious": found["false_positives"],
            "trained_on": state.trained,
            "corrections": state.corrections,
            "looked": state.looked,
            "fields": len(state.done),
            **{name: round(value, 1) for name, value in seconds.items()},
        }
        state.curve.append(row)
        self._write()
        with atomic_path(self.out / CURVE) as temporary:
            pd.DataFrame(state.curve).to_csv(temporary, index=False)
        print(f"{minutes:5.1f} min: {name}, F1 {row['f1']:.3f}, taken over: {taken}", flush=True)

    def _begin(self) -> State:
        """A project of images alone, labelled with the shipped model."""
        for one in self.truth.values():
            target = self.project / "images" / one.group / one.image.name
            ensure_folder(target.parent)
            shutil.copyfile(one.image, target)
        self.state = State()
        predict_fields(self.project)
        self._score(0.0, versions.SHIPPED, True, {})
        return self.state

    def _read(self) -> State:
        return State(**json.loads((self.out / STATE).read_text(encoding="utf-8")))

    def _write(self) -> None:
        with atomic_path(self.out / STATE) as temporary:
            temporary.write_text(json.dumps(asdict(self.state), indent=1), encoding="utf-8")


def in_use(curve: pd.DataFrame, minutes: float) -> pd.Series:
    """The row of the model that is in use at a time."""
    return curve[(curve["taken"] > 0) & (curve["minutes"] <= minutes)].iloc[-1]
