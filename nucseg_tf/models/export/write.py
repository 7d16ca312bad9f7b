"""A model in a form that other programs read, with all that they must know, checked."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from nucseg_tf.engines.base import EngineError
from nucseg_tf.errors import ModelError
from nucseg_tf.io.files import ensure_folder, remove_temporaries_of, unwritable
from nucseg_tf.models import zoo
from nucseg_tf.models.archive import refuse_existing
from nucseg_tf.models.export.compare import compare
from nucseg_tf.models.export.description import describe, describe_part
from nucseg_tf.models.export.formats import Format, Written
from nucseg_tf.models.export.onnx import Onnx
from nucseg_tf.models.export.openvino import Ir
from nucseg_tf.models.export.savedmodel import SavedModel

FORMATS: dict[str, Format] = {each.name: each for each in (Onnx(), Ir(), SavedModel())}
DESCRIPTION = "model.json"


def export_network(name: str, folder: Path, form: str, models_dir: Path | None = None) -> Path:
    """Write the network of a model into a new folder, with `DESCRIPTION` beside it.

    Args:
        name: name of a model, or a model or run folder.
        folder: that is not there yet; it appears whole or not at all.
        form: one of `FORMATS`.
        models_dir: folder to search first.

    Returns:
        `folder`.

    Raises:
        UsageError: packages are missing.
        ModelError: the model is missing or damaged, or what was written gives something else.
        OutputError: the folder is there already, or cannot be written.
    """
    refuse_existing(folder)
    FORMATS[form].check()
    model = zoo.load(name, models_dir)
    with new_folder(folder) as temporary:
        _, description = write_network(model, temporary, FORMATS[form])
        text = json.dumps(description, indent=2)
        (temporary / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
    return folder


def write_network(
    model: zoo.LoadedModel, folder: Path, form: Format
) -> tuple[dict[str, Written], dict[str, Any]]:
    """Write the parts of a network, and compare what they give with Keras.

    Returns:
        What was written, by part, and the whole description.

    Raises:
        ModelError: the network cannot be converted, or gives something else then.
    """
    from nucseg_tf.engines.tensorflow import use_device

    use_device("auto")
    description = describe(model)
    try:
        written = form.write(model.source, folder, description)
    except EngineError as error:
        raise ModelError(f"--to {form.name}: {model.info.name}: {error}") from error
    differences = compare(model, written)
    files = {
        name: describe_part(part, written[name], differences[name])
        for name, part in model.source.parts.items()
    }
    return written, description | {"form": form.name, "parts": files}


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill, which gets its name once it is full."""
    refuse_existing(folder)
    ensure_folder(folder.parent)
    remove_temporaries_of(folder)
    temporary = folder.with_name(f".{folder.stem[:40]}-{uuid4().hex[:8]}{folder.suffix}")
    try:
        temporary.mkdir()
        yield temporary
        temporary.rename(folder)
    except OSError as error:
        raise unwritable(folder, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
