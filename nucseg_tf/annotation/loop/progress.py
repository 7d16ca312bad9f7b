"""How a training goes: run/progress.json, for the page.

    {"stage": "training", "epoch", "epochs", "step", "steps", "loss": [...], "val": [...],
     "seconds", "eta_seconds"}

`loss` and `val` have a number an epoch. Stages are "preparing", "training", "finishing" (thresholds
are tuned) and "judging"; `eta_seconds` is until the last step is done, null before it is known and
afterwards.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import keras

from nucseg_tf.annotation.loop.versions import write_json
from nucseg_tf.io.documents import from_json

SECONDS = 1.0  # between two writes


class Progress(keras.callbacks.Callback):
    """Writes the file; goes on with what an earlier stretch of the same training wrote.

    Args:
        path: of the file.
        epochs: of the training.
        steps_per_epoch: of the training.
        seconds: that earlier stretches took.
    """

    def __init__(self, path: Path, epochs: int, steps_per_epoch: int, seconds: float = 0.0):
        super().__init__()
        self.path, self.epochs, self.steps_per_epoch = path, epochs, steps_per_epoch
        self.before, self.began = seconds, time.monotonic()
        self.history: dict[str, list[float]] = read_history(path)
        self.done = len(self.history["loss"]) * steps_per_epoch  # steps, of all epochs
        self.epoch = 0
        self._timed: tuple[float, int] | None = None  # when the first step was done, and which
        self._written = 0.0

    @property
    def seconds(self) -> float:
        """Of all stretches together."""
        return self.before + time.monotonic() - self.began

    def stage(self, name: str) -> None:
        """Say what is being done now."""
        self._write(name)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Forget what an earlier stretch had of epochs that are done again."""
        self.epoch = epoch
        for values in self.history.values():
            del values[epoch:]

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count; an epoch that was cut off has fewer steps left than others."""
        skipped = self.steps_per_epoch - int(self.params["steps"])
        self.done = self.epoch * self.steps_per_epoch + skipped + batch + 1
        if self._timed is None:  # the first step takes longer: the network is compiled
            self._timed = time.monotonic(), self.done
        if time.monotonic() - self._written >= SECONDS:
            self._write("training")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Note the losses."""
        for name, key in (("loss", "loss"), ("val", "val_loss")):
            self.history[name].append(round(float((logs or {})[key]), 6))
        self.done = (epoch + 1) * self.steps_per_epoch
        self._write("training")

    def _write(self, stage: str) -> None:
        self._written = time.monotonic()
        left = self._left() if stage == "training" else None
        content = {
            "stage": stage,
            "epoch": min(self.done // self.steps_per_epoch + 1, self.epochs),
            "epochs": self.epochs,
            "step": self.done,
            "steps": self.epochs * self.steps_per_epoch,
            **self.history,
            "seconds": round(self.seconds, 1),
            "eta_seconds": None if left is None else round(left, 1),
        }
        write_json(self.path, content, synced=False)

    def _left(self) -> float | None:
        """Seconds to the last step, by the pace of this stretch."""
        if self._timed is None:
            return None
        since, first = self._timed
        if self.done <= first:
            return None
        pace = (time.monotonic() - since) / (self.done - first)
        return pace * (self.epochs * self.steps_per_epoch - self.done)


def read_history(path: Path) -> dict[str, list[float]]:
    """Losses of the epochs so far; empty lists where nothing was written yet."""
    try:
        content = from_json(path.read_text(encoding="utf-8"))
        return {name: [float(value) for value in content[name]] for name in ("loss", "val")}
    except (OSError, ValueError, KeyError, TypeError):
        return {"loss": [], "val": []}
