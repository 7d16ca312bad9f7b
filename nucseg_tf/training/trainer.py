"""Training of any model family: cold start, all layers, resumption, the finished model folder."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
from keras import ops

from nucseg_tf.config import Config, Training
from nucseg_tf.data.pipeline import training_dataset
from nucseg_tf.data.roi_store.read import RoiStore, store_dataset
from nucseg_tf.data.sample import Sample
from nucseg_tf.data.validation import validation_dataset
from nucseg_tf.errors import MemoryLimitError, TrainingError
from nucseg_tf.families.base import Family
from nucseg_tf.imaging.memory import explain, is_exhausted
from nucseg_tf.io.files import atomic_path, ensure_folder, remove_temporaries
from nucseg_tf.models import weights, zoo
from nucseg_tf.schema import to_yaml
from nucseg_tf.training import callbacks as cb
from nucseg_tf.training import devices
from nucseg_tf.training.initialise import initialise

LOG = logging.getLogger(__name__)


class Trainable(keras.Model):
    """A network with its family's losses, for `fit` on every Keras backend."""

    def __init__(self, network: keras.Model, family: Family, weights: tuple[float, ...] = ()):
        super().__init__()
        self.network, self.family, self.weights_of = network, family, weights

    def build(self, input_shape=None):
        self.built = True

    def call(self, inputs, training=None):
        return self.network(inputs, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        parts = self.family.loss_parts(self.network, y_pred, y, self.weights_of)
        parts = devices.of_whole_batch(parts, y, self.family.counted)
        return ops.sum(ops.stack(list(parts.values())))


def freeze(network: keras.Model, frozen: list[keras.Layer]) -> None:
    """Make all layers of a network trainable but the frozen ones.

    Layer by layer: setting `trainable` of a model leaves layers frozen that were frozen one by one.
    """
    without = {id(layer) for layer in frozen}
    for layer in network._flatten_layers(include_self=True, recursive=True):
        layer.trainable = True
    for layer in network._flatten_layers(include_self=False, recursive=True):
        if id(layer) in without:
            layer.trainable = False


@dataclass(frozen=True)
class Phase:
    """A stretch of training with the same layers trainable."""

    name: str
    first_epoch: int
    last_epoch: int  # exclusive
    frozen: bool


def phases(training: Training, pretrained: bool) -> list[Phase]:
    """The cold start, if there is anything to keep, and the rest."""
    cold = min(training.cold_epochs, training.epochs) if pretrained else 0
    parts = [Phase("cold", 0, cold, True), Phase("all", cold, training.epochs, False)]
    return [phase for phase in parts if phase.last_epoch > phase.first_epoch]


def _optimizer(training: Training, phase: Phase) -> keras.optimizers.Optimizer:
    rate = training.learning_rate
    if training.schedule == "cosine":
        steps = (phase.last_epoch - phase.first_epoch) * training.steps_per_epoch
        warm = min(100, steps // 4)
        rate = keras.optimizers.schedules.CosineDecay(
            rate * 0.01, steps - warm, alpha=0.01, warmup_target=rate, warmup_steps=warm
        )
    averaging = {"use_ema": True, "ema_momentum": training.average} if training.average else {}
    if training.schedule == "steps":
        steps = training.epochs * training.steps_per_epoch
        first = phase.first_epoch * training.steps_per_epoch
        bounds = [max(0, round(share * steps) - first) for share in training.steps_at]
        rates = [rate * 0.1**number for number in range(len(bounds) + 1)]
        rate = keras.optimizers.schedules.PiecewiseConstantDecay(bounds, rates)
    return keras.optimizers.Adam(rate, **averaging)


def _patience(training: Training) -> list[keras.callbacks.Callback]:
    """Keras' own callbacks for the plateau and the early stop."""
    found: list[keras.callbacks.Callback] = []
    if training.schedule == "plateau":
        found.append(
            keras.callbacks.ReduceLROnPlateau(
                factor=training.plateau_factor, patience=training.plateau_patience
            )
        )
    if training.stop_patience:
        found.append(keras.callbacks.EarlyStopping(patience=training.stop_patience))
    return found


class Trainer:
    """One training in one run folder.

    Args:
        config: what to train, and how.
        run: folder of the run, made if need be; holds config.yaml, last.h5, best.h5.
        train: fields to train on.
        validation: fields that choose the best weights.
        store: ROIs to train on instead of cutting new ones out of the fields.
        listeners: callbacks that are told how it goes.
    """

    def __init__(
        self,
        config: Config,
        run: Path,
        train: list[Sample],
        validation: list[Sample],
        store: RoiStore | None = None,
        listeners: Sequence[keras.callbacks.Callback] = (),
    ):
        self.config, self.run, self.train_samples, self.store = config, run, train, store
        self.listeners = listeners
        self.devices = devices.choose(config.training)
        self.validation = devices.fill(validation_dataset(validation, config), self.devices)
        remove_temporaries(ensure_folder(run))

    def _batches(self, start: int):
        if self.store:
            return store_dataset(self.store, self.config, start)
        return training_dataset(self.train_samples, self.config, start)

    def fit(self, init: str, resume: bool = False) -> keras.Model:
        """Train, or go on where a training was cut off.

        Args:
            init: see `initialise`; not used when resuming.
            resume: continue from `last.h5`.

        Returns:
            The network with its best weights.

        Raises:
            TrainingError: if a run is in the folder already, or there is none to resume, or the
                loss is not finite.
        """
        devices.describe(self.devices, self.config.training)
        devices.repeat(self.devices)
        with devices.scope(self.devices):
            network = self._fit(init, resume)
        if len(self.devices) > 1:  # its weights are on all of them
            network = zoo.build(self.config.model)
        weights.load_weights(network, self.run / "best.h5")
        return network

    def _fit(self, init: str, resume: bool) -> keras.Model:
        """Train; the network has the last weights."""
        last = self.run / "last.h5"
        state = cb.read_state(last) if resume else None
        if state is None and last.exists():
            raise TrainingError(f"{self.run}: holds a training. Use --resume, or another --out.")
        if state is None:
            (self.run / "best.h5").unlink(missing_ok=True)  # of one killed in its first epoch
            keras.utils.set_random_seed(self.config.training.seed)  # of what begins at random
            network, pretrained = initialise(self.config.model, init)
            with atomic_path(self.run / "config.yaml") as temporary:
                temporary.write_text(to_yaml(self.config), encoding="utf-8")
            with atomic_path(self.run / "start.json") as temporary:
                temporary.write_text(json.dumps({"init": init, "pretrained": pretrained}))
        else:
            network = zoo.build(self.config.model)
            pretrained = json.loads((self.run / "start.json").read_text())["pretrained"]
        devices.synchronise(network)
        names = [phase.name for phase in phases(self.config.training, pretrained)]
        for phase in phases(self.config.training, pretrained):
            if state and names.index(phase.name) < names.index(state["phase"]):
                continue
            resumed = state if state and state["phase"] == phase.name else None
            self._fit_phase(network, phase, resumed, state["history"] if state else [])
            state = cb.read_state(last)
        return network

    def _fit_phase(self, network, phase: Phase, resumed: dict | None, history: list) -> None:
        training = self.config.training
        family = self.config.family
        freeze(network, family.encoder_layers(network) if phase.frozen else [])
        model = Trainable(network, family, training.loss_weights)
        model.compile(
            optimizer=_optimizer(training, phase), jit_compile=keras.backend.backend() == "jax"
        )
        model.optimizer.build(model.trainable_variables)
        others = _patience(training)
        checkpoint = cb.Checkpoint(self.run / "last.h5", network, others, history)
        checkpoint.phase = phase.name
        done = 0
        if resumed:
            checkpoint.restore(model)
            done = checkpoint.step = resumed["step"]
        self._run_fit(model, phase, done, checkpoint, others, resumed)

    def _run_fit(self, model, phase, done, checkpoint, others, resumed) -> None:
        training = self.config.training
        steps = training.steps_per_epoch
        epoch = phase.first_epoch + done // steps
        best = cb.BestWeights(self.run / "best.h5", model.network)
        rest = done % steps
        stopped = bool(resumed) and any(
            resumed["remembered"].get("EarlyStopping", {}).get("wait", 0) >= other.patience
            for other in others
            if isinstance(other, keras.callbacks.EarlyStopping)
        )
        if epoch >= phase.last_epoch or stopped:
            return
        remember = cb.Remember(others, resumed["remembered"] if resumed else {})
        listeners = [
            cb.StopIfNotFinite(),
            *others,
            remember,
            checkpoint,
        ]
        start = phase.first_epoch * steps + done
        batches = self._batches(start)

        smaller = (
            f"The state of the last epoch is kept. Give it more memory, or begin anew with smaller "
            f"batches than training.batch={training.batch}, which train otherwise."
        )

        def run(first: int, last: int, count: int) -> None:
            shown = cb.ShowProgress(training.epochs, count, phase.name)
            swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
            averaging = [swap] if training.average else []
            end = cb.EndEpoch(checkpoint)
            try:
                model.fit(
                    iterator,
                    epochs=last,
                    initial_epoch=first,
                    steps_per_epoch=count,
                    validation_data=self.validation,
                    callbacks=[shown, *self.listeners, *listeners, *averaging, best, end],
                    verbose=0,
                    shuffle=False,  # the pipeline has drawn at random already
                )
            except Exception as error:  # TensorFlow wraps what a store raises while it is read
                if self.store and self.store.error:
                    raise self.store.error from error
                if is_exhausted(error):
                    raise MemoryLimitError(f"{self.run}: {explain(error, smaller)}") from error
                raise

        iterator = batches
        if rest:  # the epoch that was cut off is finished first
            run(epoch, epoch + 1, steps - rest)
            epoch += 1
            checkpoint.restore(model)  # `fit` ends with the averaged weights
            remember.remembered = cb.read_state(checkpoint.path)["remembered"]
            if model.stop_training:
                epoch = phase.last_epoch
            iterator = self._batches(phase.first_epoch * steps + checkpoint.step)
        if epoch < phase.last_epoch:
            run(epoch, phase.last_epoch, steps)
        checkpoint.restore(model)  # without averaging: what a resumed training would start from
