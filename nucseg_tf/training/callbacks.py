"""What happens during training besides the steps: checkpoints, resumption, progress, stops."""

from __future__ import annotations

import json
import logging
import math
import signal
import sys
import time
from pathlib import Path

import h5py
import keras
import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from nucseg_tf.errors import TrainingError
from nucseg_tf.io.documents import from_json
from nucseg_tf.io.files import atomic_path
from nucseg_tf.models import weights

LOG = logging.getLogger(__name__)
# Attributes in which Keras' callbacks remember what they have seen.
REMEMBERED = {
    "ReduceLROnPlateau": ("best", "wait", "cooldown_counter"),
    "EarlyStopping": ("best", "wait"),
}


class Interrupted(Exception):  # noqa: N818 - not an error: the state is saved
    """Training ended by SIGTERM or SIGINT, with its state saved."""

    def __init__(self, number: int):
        super().__init__(f"interrupted by {signal.Signals(number).name}")
        self.number = number


class Checkpoint(keras.callbacks.Callback):
    """Keeps the whole state of a training in one file, replaced as a whole.

    The file holds weights, optimizer variables (step, moments, averages, learning rate), what
    the other callbacks remember, and the history. It is written after every epoch and on
    SIGTERM or SIGINT; a training killed without warning loses the epoch it was in. One that is
    stopped while it validates repeats the last step of that epoch, and validates then.

    Of an epoch, `BestWeights` writes first (see `EndEpoch`): killed between the two files, a
    training repeats that epoch. The other way round, it would go on after an epoch whose weights
    nobody had compared. The state is taken before that all the same, for `SwapEMAWeights` puts the
    averages in the place of the weights that training goes on from.
    """

    def __init__(self, path: Path, network: keras.Model, others: list, history: list[dict]):
        super().__init__()
        self.path, self.network, self.others, self.history = path, network, others, history
        self.phase = ""
        self.step = 0  # batches of this phase, this epoch's included
        self._pending = 0
        self._before_last: list[list[np.ndarray]] | None = None  # what the last step began from
        self._at_end: list[list[np.ndarray]] | None = None  # what an epoch has come to
        self._handlers: dict = {}

    def on_train_begin(self, logs=None):
        for number in (signal.SIGTERM, signal.SIGINT):
            self._handlers[number] = signal.signal(number, self._on_signal)

    def on_train_end(self, logs=None):
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _on_signal(self, number, frame):
        self._pending = number

    def on_train_batch_begin(self, batch, logs=None):
        if batch == self.params["steps"] - 1:
            self._sync()
            self._before_last = self._arrays()

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        if self._pending:
            self._sync()
            self.save()
            self.leave_if_asked()

    def on_test_batch_end(self, batch, logs=None):
        if self._pending and self._before_last:
            self.step -= 1
            self._save(self._before_last)
            self.leave_if_asked()

    def on_epoch_end(self, epoch, logs=None):
        self._before_last = None
        self.history.append({"phase": self.phase, "epoch": epoch, **_floats(logs or {})})
        self._at_end = self._arrays()

    def end_epoch(self) -> None:
        """Write the state that an epoch has come to, and end the training if a signal asked."""
        if self._at_end is None:
            raise ValueError("expected a state from on_epoch_end. Received: None")
        self._save(self._at_end)
        self.leave_if_asked()

    def begin_epoch(self) -> None:
        """Go on from the state that was written, as a training that is resumed does.

        `SwapEMAWeights` exchanges by sums, and gives weights back that differ in their last bits.
        """
        if self._at_end is not None:
            for variables, arrays in zip(self._variables(), self._at_end, strict=True):
                for variable, array in zip(variables, arrays, strict=True):
                    variable.assign(array)
            self._at_end = None

    def leave_if_asked(self) -> None:
        """End the training if a signal asked for it; its state is saved."""
        if self._pending:
            self.on_train_end()
            raise Interrupted(self._pending)

    def _sync(self) -> None:
        if keras.backend.backend() == "jax":  # which keeps the variables elsewhere in an epoch
            self.model.jax_state_sync()

    def _variables(self) -> tuple[list, list]:
        return self.network.weights, self.model.optimizer.variables

    def _arrays(self) -> list[list[np.ndarray]]:
        return [[np.asarray(variable).copy() for variable in some] for some in self._variables()]

    def save(self) -> None:
        """Write the state."""
        self._save(self._arrays())

    def _save(self, arrays: list[list[np.ndarray]]) -> None:
        remembered = {
            type(other).__name__: {
                key: float(getattr(other, key))
                for key in REMEMBERED[type(other).__name__]
                if getattr(other, key) is not None  # Keras' `best` before the first epoch's end
            }
            for other in self.others
        }
        state = {
            "phase": self.phase,
            "step": self.step,
            "remembered": remembered,
            "history": self.history,
        }
        with (
            atomic_path(self.path, synced=True) as temporary,
            h5py.File(temporary, "w", locking=False) as file,
        ):
            file.attrs["state"] = json.dumps(state)
            for name, some in zip(("weights", "optimizer"), arrays, strict=True):
                _write(file.create_group(name), some)

    def restore(self, model: keras.Model) -> None:
        """Set weights and optimizer of a model that was compiled and built as the saved one."""
        with h5py.File(self.path, "r", locking=False) as file:
            _read(file["weights"], self.network.weights, self.path)
            _read(file["optimizer"], model.optimizer.variables, self.path)


class EndEpoch(keras.callbacks.Callback):
    """Writes the checkpoint of an epoch that all others are done with, and goes on from it.

    Stands last in the list.
    """

    def __init__(self, checkpoint: Checkpoint):
        super().__init__()
        self.checkpoint = checkpoint

    def on_epoch_end(self, epoch, logs=None):
        self.checkpoint.end_epoch()

    def on_epoch_begin(self, epoch, logs=None):
        self.checkpoint.begin_epoch()


class Remember(keras.callbacks.Callback):
    """Gives Keras' callbacks back what they remembered; stands after them in the list."""

    def __init__(self, others: list, remembered: dict[str, dict[str, float]]):
        super().__init__()
        self.others, self.remembered = others, remembered

    def on_train_begin(self, logs=None):
        for other in self.others:
            for key, value in self.remembered.get(type(other).__name__, {}).items():
                setattr(other, key, value if key == "best" else int(value))


def read_state(path: Path) -> dict:
    """The part of a checkpoint that is not arrays.

    Raises:
        TrainingError: if there is no such checkpoint.
    """
    try:
        with h5py.File(path, "r", locking=False) as file:
            return from_json(file.attrs["state"])
    except Exception as error:  # HDF5 raises what it likes
        raise TrainingError(
            f"{path}: no checkpoint to resume from ({error}). Start without --resume."
        ) from error


def _write(group: h5py.Group, arrays: list[np.ndarray]) -> None:
    for number, array in enumerate(arrays):
        group.create_dataset(f"{number:04d}", data=array)


def _read(group: h5py.Group, variables, path: Path) -> None:
    arrays = [group[key] for key in sorted(group)]
    if [a.shape for a in arrays] != [tuple(v.shape) for v in variables]:
        raise TrainingError(f"{path}: does not fit this configuration; it was changed since.")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array[()])


def _floats(logs: dict) -> dict[str, float]:
    return {key: float(f"{float(value):.7g}") for key, value in logs.items()}


class BestWeights(keras.callbacks.Callback):
    """Keeps the weights with the smallest validation loss (averaged ones, if averaging is on)."""

    def __init__(self, path: Path, network: keras.Model):
        super().__init__()
        self.path, self.network = path, network
        self.best = math.inf
        if path.exists():  # the file itself says how good it is, so that both go together
            with h5py.File(path, "r", locking=False) as file:
                self.best = float(file.attrs["val_loss"])

    def on_epoch_end(self, epoch, logs=None):
        value = float((logs or {})["val_loss"])
        if value < self.best:
            self.best = value
            weights.save_weights(self.network, self.path, val_loss=value)


class StopIfNotFinite(keras.callbacks.Callback):
    """Ends training at the first loss that is not finite."""

    def on_train_batch_end(self, batch, logs=None):
        loss = float((logs or {}).get("loss", 0.0))
        if not math.isfinite(loss):
            raise TrainingError(
                f"The loss is not finite ({loss}) at step {batch + 1} of the epoch. Check the "
                f"images with `nucseg validate`, or lower training.learning_rate."
            )


class ShowProgress(keras.callbacks.Callback):
    """A bar on a terminal, a line each tenth of an epoch elsewhere; on stderr."""

    def __init__(self, epochs: int, steps: int, title: str):
        super().__init__()
        self.epochs, self.steps, self.title = epochs, steps, title
        self.bar: Progress | None = None
        self.epoch, self.began = 0, time.monotonic()

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch, self.began = epoch, time.monotonic()
        if sys.stderr.isatty():
            from rich.console import Console

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            self.bar = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))
            self.bar.start()
            self.task = self.bar.add_task(
                f"{self.title} {epoch + 1}/{self.epochs}", total=self.steps
            )

    def on_train_batch_end(self, batch, logs=None):
        loss = float((logs or {}).get("loss", 0.0))
        if self.bar is not None:
            self.bar.update(self.task, completed=batch + 1)
        elif (batch + 1) * 10 // self.steps > batch * 10 // self.steps:
            percent = 100 * (batch + 1) // self.steps
            where = f"{self.title} {self.epoch + 1}/{self.epochs}"
            LOG.info("%s: %3d %%  loss %.5f", where, percent, loss)

    def on_epoch_end(self, epoch, logs=None):
        if self.bar is not None:
            self.bar.stop()
            self.bar = None
        rate = self.steps / (time.monotonic() - self.began)
        values = "  ".join(f"{key} {value:.5g}" for key, value in (logs or {}).items())
        where = f"{self.title} {epoch + 1}/{self.epochs}"
        LOG.info("%s: %s  (%.2f steps/s)", where, values, rate)

    def on_train_end(self, logs=None):
        if self.bar is not None:
            self.bar.stop()
            self.bar = None
