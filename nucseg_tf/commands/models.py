"""`nucseg models ...`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from nucseg_tf.errors import UsageError


def list_models(*, models_dir: Path | None = None) -> str:
    """Name and folder of each model that can be called by name.

    Args:
        models_dir: folder to search first
    """
    from nucseg_tf.models import zoo

    found = zoo.list_models(models_dir)
    width = max(map(len, found), default=0)
    return "\n".join(f"{name:<{width}}  {folder}" for name, folder in found.items())


def model_info(name: str, *, models_dir: Path | None = None) -> str:
    """Print the model.yaml of a model.

    Args:
        name: name of a model, or a model folder
        models_dir: folder to search first
    """
    from nucseg_tf.models import zoo
    from nucseg_tf.schema import to_yaml

    return to_yaml(zoo.read_info(zoo.find_model(name, models_dir))).rstrip()


def verify_models(name: str | None = None, *, models_dir: Path | None = None) -> str:
    """Compare the files of one model, or of all, with their recorded hashes.

    Args:
        name: name of a model, or a model folder; all models without it
        models_dir: folder to search first
    """
    from nucseg_tf.models import zoo

    found = zoo.list_models(models_dir)
    folders = list(found.values()) if name is None else [zoo.find_model(name, models_dir)]
    lines = []
    for folder in folders:
        zoo.read_info(folder)
        lines.append(f"{folder}: intact, sha256 {zoo.verify(folder)}")
    return "\n".join(lines)


def export_model(
    name: str,
    out: Path,
    *,
    to: Literal["zip", "bioimageio", "onnx", "openvino", "savedmodel"] = "zip",
    author: str | None = None,
    models_dir: Path | None = None,
) -> Path:
    """Write a model for others: into one zip file, or in a form that other programs read.

    Args:
        name: name of a model, or a model or run folder
        out: the zip file to write, of `zip` and `bioimageio`; else a new folder
        to: `zip` is for `nucseg models import`; `bioimageio` a package of bioimage.io, which it
            reads, too; `onnx`, `openvino`, `savedmodel`: the network alone; see docs/export.md
        author: of a package of bioimage.io
        models_dir: folder to search first
    """
    if author is not None and to != "bioimageio":
        raise UsageError("--author: is that of a package; expected --to bioimageio with it")
    if to == "zip":
        from nucseg_tf.models import archive

        return archive.export_model(name, out, models_dir)
    if to == "bioimageio":
        from nucseg_tf.models.export import package

        return package.export_package(name, out, models_dir, author)
    from nucseg_tf.models.export.write import export_network

    return export_network(name, out, to, models_dir)


def import_model(file: Path, *, models_dir: Path, name: str | None = None) -> Path:
    """Unpack a model from a zip file, and check it.

    Args:
        file: zip file from `nucseg models export`, a package of bioimage.io from it among them
        models_dir: folder of models to put it into
        name: to call it by; its own otherwise
    """
    from nucseg_tf.models import archive

    return archive.import_model(file, models_dir, name)


def prepare_models(name: str | None = None, *, models_dir: Path | None = None) -> str:
    """Convert one model, or all, for prediction on this CPU, so that nobody waits at its first use.

    What is converted goes into the cache folder, NUCSEG_CACHE.

    Args:
        name: name of a model, or a model folder; all models without it
        models_dir: folder to search first
    """
    from nucseg_tf.inference.segmenter import load_model
    from nucseg_tf.models import zoo
    from nucseg_tf.scale.finder import load_finder

    names = list(zoo.list_models(models_dir)) if name is None else [name]
    load_finder(device="cpu")
    engines = [load_model(each, models_dir, device="cpu").network.engine for each in names]
    return "\n".join(f"{each}: {engine}" for each, engine in zip(names, engines, strict=True))


class Models:
    """Lists, checks and moves models."""

    list = staticmethod(list_models)
    info = staticmethod(model_info)
    verify = staticmethod(verify_models)
    export = staticmethod(export_model)
    prepare = staticmethod(prepare_models)


setattr(Models, "import", staticmethod(import_model))  # a keyword, so not in the class body
