"""Model folders as one zip file, to hand on; and out of packages of bioimage.io that hold one."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path, PurePosixPath
from uuid import uuid4

from nucseg_tf.errors import ModelError, OutputError, UsageError
from nucseg_tf.io.files import FULL, atomic_path, ensure_folder, unwritable
from nucseg_tf.models import zoo

MODEL_FILES = ("model.yaml", "model.weights.h5", "README.md", "sha256")
NEEDED = (*zoo.HASHED, "sha256")
MAX_MODEL_FILE = 4 * 2**30  # bytes unpacked; more in a zip is a slip or an attack
MAX_RATIO = 200  # unpacked to packed
SMALL = 2**20  # bytes that may be packed as small as they like
PACKAGE = ("bioimageio.yaml", "rdf.yaml")  # either describes a package of bioimage.io
# What the files are called there, where no other file than its description may be a model.yaml.
PACKED = {("nucseg.yaml" if name == "model.yaml" else name): name for name in MODEL_FILES}

Entries = dict[str, zipfile.ZipInfo]  # by the names that the files are to have


def export_model(name: str, file: Path, models_dir: Path | None = None) -> Path:
    """Write a model into one zip file.

    Args:
        name: name of a model, or a model or run folder.
        file: the zip file to write.
        models_dir: folder to search first.

    Returns:
        `file`.

    Raises:
        UsageError: if `file` does not end in .zip.
        OutputError: `file` is there already.
        ModelError: if the model is missing or damaged.
    """
    if file.suffix.lower() != ".zip":
        raise UsageError(f"{file}: expected a name that ends in .zip")
    refuse_existing(file)
    folder = zoo.find_model(name, models_dir)
    zoo.verify(folder)
    top = zoo.read_info(folder).name
    with atomic_path(file) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for entry in MODEL_FILES:
            if (folder / entry).is_file():
                refuse_link(folder / entry)
                archive.write(folder / entry, f"{top}/{entry}")
    return file


def import_model(file: Path, models_dir: Path, name: str | None = None) -> Path:
    """Unpack a model from a zip file, and check it.

    Args:
        file: as from `export_model`, or a package from `export.package`, of which nothing but the
            files of the model is taken.
        models_dir: folder of models to put it into.
        name: to call it by; its own otherwise.

    Returns:
        The model folder.

    Raises:
        UsageError: for a name that is none, or if there is no such file.
        ModelError: if the zip holds anything but one intact model, or the folder exists.
    """
    if name is not None and not re.fullmatch(r"\w[\w.-]*", name):
        raise UsageError(f"--name: expected letters, digits, '_', '.' and '-'. Received: {name}.")
    if not file.exists():
        raise UsageError(f"{file}: no such file; expected one of nucseg models export")
    ensure_folder(models_dir)
    temporary = models_dir / f".import-{uuid4().hex[:8]}"
    try:
        temporary.mkdir()
        top = _unpack(file, temporary)
        try:
            own = zoo.read_info(temporary).name
            zoo.verify(temporary)
        except ModelError as error:
            raise ModelError(str(error).replace(str(temporary), str(file / top))) from error
        folder = models_dir / (name or top or own)
        if folder.exists():
            raise ModelError(f"{folder}: exists already; choose another --name")
        temporary.rename(folder)
    except OSError as error:
        raise unwritable(models_dir, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def refuse_existing(path: Path) -> None:
    """Refuse to write in the place of something else, which may have been given to others."""
    if path.exists() or path.is_symlink():
        raise OutputError(f"{path}: exists already; choose another name, or remove it")


def refuse_link(file: Path) -> None:
    """Refuse to hand on what lies elsewhere, such as a private key in the place of a README."""
    if file.resolve().parent != file.parent.resolve():
        raise ModelError(f"{file}: is a link to {file.resolve()}; put a copy in its place")


def _unpack(file: Path, target: Path) -> str:
    """Copy the files of a model out of a zip, by known names only; returns their folder in it."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            packed = any(entry.filename in PACKAGE for entry in entries)
            top, chosen = _of_package(file, entries) if packed else _of_model(file, entries)
            for name, entry in chosen.items():
                _check_entry(file, entry)
                with archive.open(entry) as source, (target / name).open("wb") as copy:
                    shutil.copyfileobj(source, copy)
    except ModelError:
        raise
    except Exception as error:  # what decoders make of damaged ones: BadZipFile, zlib.error, ...
        if isinstance(error, OSError) and error.errno in FULL:
            raise
        raise ModelError(f"{file}: cannot be read as a zip file: {error}") from error
    return top


def _of_model(file: Path, entries: list[zipfile.ZipInfo]) -> tuple[str, Entries]:
    """The folder of an exported model, and its files; ModelError if there are others."""
    tops = {str(PurePosixPath(entry.filename).parent) for entry in entries}
    named = {PurePosixPath(entry.filename).name: entry for entry in entries}
    top = tops.pop() if len(tops) == 1 else ""
    own = len(named) == len(entries) and named.keys() <= {*MODEL_FILES}
    if not re.fullmatch(r"\w[\w.-]*", top) or not own:
        raise ModelError(
            f"{file}: is no exported model: expected NAME/{{{','.join(MODEL_FILES)}}} only"
        )
    return top, named


def _of_package(file: Path, entries: list[zipfile.ZipInfo]) -> tuple[str, Entries]:
    """The files of a model among those of a package, in no folder; ModelError without."""
    own = [entry for entry in entries if entry.filename in PACKED]
    found = {PACKED[entry.filename]: entry for entry in own}
    missing = [name for name, what in PACKED.items() if what in NEEDED and what not in found]
    if missing:
        raise ModelError(
            f"{file}: is a package of bioimage.io without {', '.join(missing)}: only those of "
            "`nucseg models export --to bioimageio` hold a model that can be imported. Networks "
            "of other programs are not run: predict with theirs, and bring the labels"
        )
    if len(found) < len(own):
        names = sorted(entry.filename for entry in own)
        raise ModelError(f"{file}: holds a file twice: {', '.join(names)}")
    return "", found


def _check_entry(file: Path, entry: zipfile.ZipInfo) -> None:
    """Refuse what is too large once it is unpacked; ModelError."""
    stored = max(entry.compress_size, 1)
    if entry.file_size > min(MAX_MODEL_FILE, max(SMALL, MAX_RATIO * stored)):
        raise ModelError(
            f"{file}: {entry.filename} unpacks to {entry.file_size:,} bytes from {stored:,}; "
            f"expected {MAX_MODEL_FILE:,} at most, and {MAX_RATIO} times as many at most"
        )
