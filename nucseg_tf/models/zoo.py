"""Model folders: build, save, load and verify them, and the models shipped with the package.

A folder holds `model.yaml` (format version, architecture, normalisation, thresholds, provenance,
scores), `model.weights.h5`, `README.md` (the model card) and `sha256` (of the first two). Weights
are plain arrays: nothing in a folder is unpickled or run.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import h5py
import keras
import numpy as np
from pydantic import Field as Limits

from nucseg_tf.config import (
    Architecture,
    Decode,
    Detect,
    ModelName,
    Normalisation,
    Positions,
    Strict,
    parse,
    read_yaml,
    to_yaml,
)
from nucseg_tf.errors import ConfigError, InitialisationError, ModelError
from nucseg_tf.io.files import atomic_path, ensure_folder
from nucseg_tf.models import fpn2ws, jacobkie, mask_rcnn

FORMAT = 1
FAMILIES: dict[str, Any] = {"fpn2ws": fpn2ws, "mask_rcnn": mask_rcnn, "jacobkie": jacobkie}
SHIPPED = Path(__file__).parents[1] / "weights"
HASHED = ("model.yaml", "model.weights.h5")


class ModelInfo(Strict):
    """Contents of model.yaml."""

    format: int = FORMAT
    name: ModelName
    architecture: Architecture
    normalisation: Normalisation = Normalisation()
    decode: Decode = Decode()
    detect: Detect = Detect()
    positions: Positions = Positions()
    diameter: Annotated[float, Limits(gt=0)]  # px, median of the training nuclei
    pixel_size: float | None = None  # µm, where the training data had one
    licence: str = ""
    training_data: str = ""
    training_data_sha256: str = ""
    versions: dict[str, str] = Limits(default_factory=dict)
    scores: dict[str, Any] = Limits(default_factory=dict)


@dataclass(frozen=True)
class LoadedModel:
    """A network with what is needed to use it."""

    info: ModelInfo
    network: keras.Model
    folder: Path
    sha256: str


def build(arch: Architecture, pretrained: bool = False) -> keras.Model:
    """Build the network of an architecture, randomly initialised unless `pretrained`."""
    return FAMILIES[arch.family].build(arch, pretrained)


# --- weights ---------------------------------------------------------------------------------


def save_weights(
    network: keras.Model, path: Path, dtype: str = "float32", **attributes: float
) -> None:
    """Write all weights as compressed arrays in their order, each with its name.

    Args:
        network: whose weights.
        path: file.
        dtype: of the stored arrays.
        **attributes: stored with the file.

    Raises:
        ModelError: if a weight is not finite, in `dtype` too.
    """
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        for number, variable in enumerate(network.weights):
            value = np.asarray(variable).astype(dtype)
            if not np.isfinite(value).all():
                raise ModelError(f"{path}: weight {variable.path} is not finite as {dtype}.")
            data = file.create_dataset(f"{number:04d}", data=value, **_compression(value))
            data.attrs["path"] = variable.path
        file.attrs.update(attributes)


def _compression(value: np.ndarray) -> dict:
    return {"compression": "gzip", "shuffle": True} if value.size > 64 else {}


def read_weights(path: Path) -> list[tuple[str, np.ndarray]]:
    """Names and float32 values of a weights file, in order.

    Raises:
        ModelError: if it is missing or damaged.
    """
    try:
        with h5py.File(path, "r") as file:
            return [
                (str(file[key].attrs["path"]), np.asarray(file[key], np.float32))
                for key in sorted(file)
            ]
    except (OSError, KeyError) as error:
        raise ModelError(f"{path}: cannot be read as a weights file: {error}") from error


def load_weights(network: keras.Model, path: Path) -> None:
    """Set all weights of a network.

    Raises:
        ModelError: if number or shapes do not fit the network.
    """
    values = read_weights(path)
    if len(values) != len(network.weights):
        raise ModelError(
            f"{path}: holds {len(values)} arrays, the network has {len(network.weights)}."
        )
    for variable, (name, value) in zip(network.weights, values, strict=True):
        if tuple(variable.shape) != value.shape:
            raise ModelError(
                f"{path}: {name} has shape {value.shape}, the network's {variable.path} "
                f"has {tuple(variable.shape)}."
            )
        variable.assign(value)


def transfer_weights(network: keras.Model, path: Path) -> list:
    """Set the weights that agree in layer, kind and shape; the rest stay as they are.

    Returns:
        The variables that were set.

    Raises:
        InitialisationError: if fewer than a tenth fit; those would fit by chance.
    """

    def key(name: str) -> tuple[str, ...]:
        return tuple(name.split("/")[-2:])

    known = {key(name): value for name, value in read_weights(path)}
    fitting = []
    for variable in network.weights:
        value = known.get(key(variable.path))
        if value is not None and value.shape == tuple(variable.shape):
            fitting.append((variable, value))
    if len(fitting) < len(network.weights) / 10:
        raise InitialisationError(
            f"{path}: {len(fitting)} of {len(network.weights)} arrays fit the network; "
            f"another encoder? Choose the configuration of the model to start from, or --init "
            f"random."
        )
    for variable, value in fitting:
        variable.assign(value)
    return [variable for variable, _ in fitting]


# --- folders ---------------------------------------------------------------------------------


def _digest(folder: Path, name: str) -> str:
    return hashlib.sha256((folder / name).read_bytes()).hexdigest()


def save_model(
    folder: Path, info: ModelInfo, network: keras.Model, card: str, dtype: str = "float32"
) -> Path:
    """Write a model folder."""
    ensure_folder(folder)
    save_weights(network, folder / "model.weights.h5", dtype)
    texts = {"model.yaml": to_yaml(info), "README.md": card}
    for name, text in texts.items():
        with atomic_path(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    with atomic_path(folder / "sha256") as temporary:
        temporary.write_text("".join(f"{_digest(folder, name)}  {name}\n" for name in HASHED))
    return folder


def search_path() -> Iterator[Path]:
    """Folders that are searched for models by name, in order."""
    for entry in os.environ.get("NUCSEG_MODELS", "").split(os.pathsep):
        if entry:
            yield Path(entry)
    yield SHIPPED


def list_models(models_dir: Path | None = None) -> dict[str, Path]:
    """Folder of each model that can be called by name."""
    found: dict[str, Path] = {}
    for root in ([models_dir] if models_dir else []) + list(search_path()):
        for file in sorted(root.glob("*/model.yaml")):
            found.setdefault(file.parent.name, file.parent)
    return found


def find_model(name: str | Path, models_dir: Path | None = None) -> Path:
    """Folder of a model given by path or name.

    Raises:
        ModelError: naming what is known, if there is none.
    """
    path = Path(name)
    if (path / "model.yaml").is_file():
        return path
    if (path / "model" / "model.yaml").is_file():  # the folder of a training run
        return path / "model"
    known = list_models(models_dir)
    if str(name) in known:
        return known[str(name)]
    hint = "It has no model.yaml. " if path.is_dir() else ""
    raise ModelError(
        f"No model {str(name)!r}. {hint}Give a model folder, or one of: "
        f"{', '.join(known) or 'none found'}."
    )


def read_info(folder: Path) -> ModelInfo:
    """Read model.yaml.

    Raises:
        ModelError: if it is missing or of another format.
    """
    try:
        values = read_yaml(folder / "model.yaml")
        if values.get("format") != FORMAT:
            raise ModelError(
                f"{folder / 'model.yaml'}: format {values.get('format')!r}; this version reads "
                f"format {FORMAT}. Update nucseg-tf."
            )
        return parse(ModelInfo, values, str(folder / "model.yaml"))
    except ConfigError as error:
        raise ModelError(str(error)) from error


def verify(folder: Path) -> str:
    """Check the hashes of a model folder.

    Returns:
        SHA-256 of its weights.

    Raises:
        ModelError: naming the file that is missing or differs.
    """
    try:
        lines = (folder / "sha256").read_text().split("\n")
        recorded = {name: digest for digest, name in (line.split() for line in lines if line)}
        for name in HASHED:
            if _digest(folder, name) != recorded.get(name):
                raise ModelError(
                    f"{folder / name}: differs from its recorded hash; copy or export it again."
                )
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder}: incomplete model folder: {error}") from error
    return recorded["model.weights.h5"]


def load(name: str | Path, models_dir: Path | None = None) -> LoadedModel:
    """Find, verify and load a model.

    Raises:
        ModelError: if it is missing, damaged or of another format.
    """
    folder = find_model(name, models_dir)
    digest = verify(folder)
    info = read_info(folder)
    network = build(info.architecture)
    load_weights(network, folder / "model.weights.h5")
    return LoadedModel(info, network, folder, digest)
