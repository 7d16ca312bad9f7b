"""Model folders: build, save, load and verify them, and the models shipped with the package.

A folder holds `model.yaml` (format version, architecture, normalisation, thresholds, provenance,
scores), `model.weights.h5`, `README.md` (the model card) and `sha256` (of the first two). Weights
are plain arrays: nothing in a folder is unpickled or run.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field as Limits
from pydantic import ValidationInfo, field_validator

from nucseg_tf.config import Normalisation
from nucseg_tf.engines.base import Precision, Source
from nucseg_tf.errors import ConfigError, ModelError, OutputError, UnknownModelError
from nucseg_tf.io.files import atomic_path, ensure_folder
from nucseg_tf.models.confidence import EVIDENCE, Confidence
from nucseg_tf.registry import FAMILIES
from nucseg_tf.schema import Architecture, ModelName, OfFamily, read_values, read_yaml, to_yaml
from nucseg_tf.suggest import nearest

if TYPE_CHECKING:
    import keras

FORMAT = 1
SHIPPED = Path(__file__).parents[1] / "weights"
HASHED = ("model.yaml", "model.weights.h5")


class ModelInfo(OfFamily):
    """Contents of model.yaml; with the thresholds of its family, see `schema.of_family`."""

    ARCHITECTURE = "architecture"
    format: int = FORMAT
    name: ModelName
    architecture: Architecture
    normalisation: Normalisation = Normalisation()
    diameter: Annotated[float, Limits(gt=0)]  # px, of the nuclei that it knows best
    find_diameter: bool = False  # whether images are brought to that size if the user says nothing
    pixel_size: float | None = None  # µm, where the training data had one
    invert: bool = False  # whether dark and bright of the training images were exchanged
    precisions: tuple[Precision, ...] = ("f32",)  # in which its scores have been checked
    licence: str = ""
    training_data: str = ""
    training_data_sha256: str = ""
    versions: dict[str, str] = Limits(default_factory=dict)
    scores: dict[str, Any] = Limits(default_factory=dict)
    confidence: Confidence | None = None  # without it, scores are as the family gives them

    @field_validator("confidence")
    @classmethod
    def _known_evidence(cls, value: Confidence | None, info: ValidationInfo) -> Confidence | None:
        arch = info.data.get(cls.ARCHITECTURE)
        if value is None or arch is None:
            return value
        known = (*EVIDENCE, *FAMILIES[arch.family].evidence)
        for name in value.weights:
            if name not in known:
                raise ValueError(f"weights.{name}: unknown evidence; {nearest(name, known)}")
        return value


@dataclass(frozen=True)
class LoadedModel:
    """A network, built when it is asked for, with what is needed to use it."""

    info: ModelInfo
    source: Source
    folder: Path
    sha256: str

    @property
    def network(self) -> keras.Model:
        """The network."""
        return self.source.network


def build(arch: Architecture, pretrained: bool = False) -> keras.Model:
    """Build the network of an architecture, randomly initialised unless `pretrained`."""
    return FAMILIES[arch.family].build(arch, pretrained)


def _digest(folder: Path, name: str) -> str:
    return hashlib.sha256((folder / name).read_bytes()).hexdigest()


def save_model(
    folder: Path, info: ModelInfo, network: keras.Model, card: str, dtype: str = "float32"
) -> Path:
    """Write a model folder."""
    from nucseg_tf.models.weights import save_weights

    ensure_folder(folder)
    save_weights(network, folder / "model.weights.h5", dtype)
    texts = {"model.yaml": to_yaml(info), "README.md": card}
    for name, text in texts.items():
        with atomic_path(folder / name, synced=True) as temporary:
            temporary.write_text(text, encoding="utf-8")
    with atomic_path(folder / "sha256", synced=True) as temporary:
        temporary.write_text("".join(f"{_digest(folder, name)}  {name}\n" for name in HASHED))
    return folder


def replace_info(folder: Path, info: ModelInfo) -> None:
    """Give a model folder another model.yaml, and its sha256 to go with it; both or none.

    Raises:
        ModelError: the folder is not intact, as it must be.
        OutputError: it cannot be written to.
    """
    digest = verify(folder)
    before = (folder / "model.yaml").read_bytes()
    text = to_yaml(info).encode()
    lines = {"model.yaml": hashlib.sha256(text).hexdigest(), "model.weights.h5": digest}
    try:
        with atomic_path(folder / "sha256") as temporary:
            temporary.write_text("".join(f"{lines[name]}  {name}\n" for name in HASHED))
            _replace(folder / "model.yaml", text)
    except OutputError:
        if (folder / "model.yaml").read_bytes() != before:
            _replace(folder / "model.yaml", before)
        raise


def _replace(path: Path, content: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


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


def find_model(
    name: str | Path, models_dir: Path | None = None, others: Sequence[str] = ()
) -> Path:
    """Folder of a model given by path or name.

    Args:
        name: its name, its folder, or that of the training that made it.
        models_dir: folder to search first.
        others: words that stood for something else in its place, for the message.

    Raises:
        UnknownModelError: naming the nearest, if there is none.
        ModelError: it is a folder without a model.
    """
    path = Path(name)
    if (path / "model.yaml").is_file():
        return path
    if (path / "model" / "model.yaml").is_file():  # the folder of a training run
        return path / "model"
    known = list_models(models_dir)
    if str(name) in known:
        return known[str(name)]
    if path.is_dir():
        raise ModelError(
            f"{path}: has no model.yaml, so it is no model folder; give one, or a model's name: "
            f"{', '.join(known) or 'none is known'}"
        )
    if path.is_file():
        raise UnknownModelError(
            f"{path}: is a file; of a packed model, nucseg models import {path} makes a model that "
            "can be named"
        )
    hint = nearest(name, [*known, *others])
    raise UnknownModelError(f"no model {str(name)!r}, nor such a folder; {hint}")


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
        return read_values(ModelInfo, values, str(folder / "model.yaml"))[0]
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
        lines = (folder / "sha256").read_text().splitlines()
        recorded = {line[66:]: line[:64] for line in lines}
        for name in HASHED:
            if _digest(folder, name) != recorded.get(name):
                raise ModelError(
                    f"{folder / name}: differs from its recorded hash; copy or export it again."
                )
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{folder}: incomplete model folder: {error}. Copy or export it again."
        ) from error
    return recorded["model.weights.h5"]


def load(name: str | Path, models_dir: Path | None = None) -> LoadedModel:
    """Find and verify a model; its network is built when it is asked for.

    Raises:
        ModelError: if it is missing, damaged or of another format; later on, if its weights do not
            fit its network.
    """
    folder = find_model(name, models_dir)
    digest = verify(folder)
    info = read_info(folder)

    def build_network() -> keras.Model:
        from nucseg_tf.models.weights import read_weights, set_weights

        file = folder / "model.weights.h5"
        values = read_weights(file)  # before the seconds that a network takes
        network = build(info.architecture)
        set_weights(network, values, file)
        return network

    key = f"{digest} {info.architecture.model_dump_json()}"
    return LoadedModel(info, Source(build_network, key, info.family.parts), folder, digest)
