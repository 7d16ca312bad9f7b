"""What of a training, a ROI store and a simulation is varied."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from .compare import compare_arrays, compare_files, join
from .prediction import Check
from .process import NUCSEG, ONE_CORE, ONE_THREAD, nucseg, stopped
from .rows import Row

FREE = (
    *(sys.executable, "-c"),
    "from nucseg_tf.training import devices; devices.repeat = lambda names: None; "
    "from nucseg_tf.__main__ import program; program()",
)
FIELDS = 8  # of 256 x 256 px or so
CONFIG = "smoke"  # 20 steps of 2 ROIs
STORED = ("--rois", 40, "--masks")


class Training:
    """The variations of a short training.

    Args:
        data: folder of train/, of images/ and masks/.
        work: folder for everything that is made.
        config: of the training.
    """

    def __init__(self, data: Path, work: Path, config: str = CONFIG):
        self.source, self.work, self.config = data / "train", work / "training", config
        self.work.mkdir(parents=True, exist_ok=True)

    @cached_property
    def fields(self) -> Path:
        """A few fields of their own."""
        return self._copy("fields", back=False)

    def checks(self) -> Iterator[Check]:
        """Name and function of each."""
        yield "again", self.again
        yield "workers", self.workers
        yield "hash", self.hash_seed
        yield "place", self.place
        yield "resumed", self.resumed
        yield "cpu", self.one_core
        yield "cost", self.cost
        yield "store", self.store
        yield "simulate", self.simulate

    def again(self) -> Row:
        return self._compare(self._train("again"), "the same command again, in another folder")

    def workers(self) -> Row:
        one = self._train("threads1", "--set", "training.threads=1")
        four = self._train("threads4", "--set", "training.threads=4")
        varied = "`training.threads` (of the data) 1 and 4, instead of 2"
        return join(varied, [self._compare(one, ""), self._compare(four, "")])

    def hash_seed(self) -> Row:
        return self._compare(self._train("hash", PYTHONHASHSEED="1"), "another PYTHONHASHSEED")

    def place(self) -> Row:
        moved = self._copy("elsewhere/fields", back=True)
        varied = "data in another folder, whose files were made in the opposite order"
        return self._compare(self._train("moved", data=moved), varied)

    def resumed(self) -> Row:
        run = self.work / "resumed"
        shutil.rmtree(run, ignore_errors=True)
        command = self._command(run, self.fields)
        if not stopped(*command, when=(run / "last.h5").exists):
            raise SystemExit(f"{run}: ended before it could be stopped")
        nucseg(*command, "--resume")
        return self._compare(run, "stopped by SIGTERM in the second epoch, and resumed")

    def one_core(self) -> Row:
        one = self._train("one_core", before=ONE_CORE, **ONE_THREAD)
        return self._compare(one, "one core and one thread for all, instead of two")

    def cost(self) -> Row:
        """What TensorFlow's deterministic operations change, and take."""
        seconds = []
        for name, program in (("with", NUCSEG), ("without", FREE)):
            run = self.work / name
            shutil.rmtree(run, ignore_errors=True)
            seconds.append(nucseg(*self._command(run, self.fields), program=program))
        row = self._compare(self.work / "without", "without TensorFlow's deterministic operations")
        text = "{:.0f} s of the processor with them, {:.0f} s without".format(*seconds)
        return replace(row, compared=f"{row.compared}; {text}")

    def store(self) -> Row:
        rows = []
        for name, flags in (("a", ()), ("b", ()), ("c", ("--set", "training.threads=4"))):
            out = self.work / f"{name}.h5"
            if not out.is_file():
                command = ("augment", self.config, "--data", self.fields, "--out", out)
                nucseg(*command, *STORED, *flags)
            rows.append(out)
        varied = "`nucseg augment` again, and with 4 threads instead of 2"
        pairs = [compare_arrays(rows[0], other, "", "data sets") for other in rows[1:]]
        return join(varied, pairs)

    def simulate(self) -> Row:
        drawn = []
        kinds = {"fields": ("--cell-line", "all", "--fields", 1, "--size", "256x256")}
        kinds["plate"] = ("--plate", "2x3", "--fields", 1, "--size", "128x160")
        for kind, flags in kinds.items():
            pair = [self.work / f"{kind}{number}" for number in (1, 2)]
            for number, out in enumerate(pair, start=1):
                workers = ("--workers", number) if kind == "plate" else ()
                if not out.is_dir():
                    nucseg("simulate", "--seed", 3, *flags, *workers, "--out", out,
                           PYTHONHASHSEED=str(number))  # fmt: skip
            drawn.append(compare_files(*pair, ""))
        varied = "`nucseg simulate` again: fields of all cell lines; a plate by 1 and 2 processes"
        return join(varied, drawn)

    def _compare(self, run: Path, varied: str) -> Row:
        base = self._train("base") / "model"
        weights = compare_arrays(base / "model.weights.h5", run / "model" / "model.weights.h5", "")
        texts = [(model / "model.yaml").read_text() for model in (base, run / "model")]
        alike = "none" if texts[0] == texts[1] else "thresholds or scores"
        text = Row("", "model.yaml (thresholds, scores, confidence)", alike, "")
        return join(varied, [weights, text])

    def _command(self, run: Path, data: Path, *flags: object) -> list:
        return ["train", self.config, "--data", data, "--out", run, "--device", "cpu", *flags]

    def _train(self, name: str, *flags: object, data=None, before=(), **environment: str) -> Path:
        run = self.work / name
        if not (run / "model").is_dir():
            shutil.rmtree(run, ignore_errors=True)
            command = self._command(run, data or self.fields, *flags)
            nucseg(*command, before=before, **environment)
        return run

    def _copy(self, name: str, back: bool) -> Path:
        """Some fields, copied in the order of their names or the opposite one."""
        folder = self.work / name
        masks = sorted((self.source / "masks").iterdir(), key=lambda file: file.stat().st_size)
        chosen = sorted(masks[20 : 20 + FIELDS], reverse=back)
        for kind in ("images", "masks"):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            for mask in chosen:
                shutil.copyfile(self.source / kind / mask.name, folder / kind / mask.name)
        return folder


def checks(data: Path, work: Path) -> Iterator[Check]:
    """All, with names of their own."""
    for name, check in Training(data, work).checks():
        yield f"training-{name}", check
