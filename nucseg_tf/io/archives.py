"""Projects of annotation tools as folders or archives: read in place, written whole or not at all.

Archives come from elsewhere, so they are never unpacked: members are read into memory one by one,
and an archive is refused whose names or sizes would harm a program that does unpack it.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar
from uuid import uuid4

from pydantic import BaseModel, ValidationError

from nucseg_tf.errors import DataError, NucsegError, UsageError
from nucseg_tf.io.documents import MAX_READ, read_json
from nucseg_tf.io.files import atomic_path, ensure_folder, remove_temporaries_of, unwritable

MAX_FILES = 200_000
MAX_DIRECTORY = 32 * 2**20  # bytes of the list of files in a zip, which takes ten times as much
MAX_TOTAL = 64 * 2**30  # bytes unpacked, images included
MAX_RATIO = 200  # unpacked to packed; JSON and images stay far below
RATIO_FROM = 2**20  # bytes; a smaller file may be as empty as it likes
Model = TypeVar("Model", bound=BaseModel)
Write = Callable[[str, bytes], None]


@dataclass(frozen=True)
class Source:
    """The files of a project.

    Attributes:
        path: folder or archive.
        names: of the files, with / between the parts; hidden ones left out.
        load: bytes of a file, at most so many.
    """

    path: Path
    names: list[str]
    load: Callable[[str, int], bytes]

    def json(self, name: str) -> Any:
        """A file read as JSON.

        Raises:
            DataError: it is too large, damaged, or not JSON.
        """
        return read_json(f"{self.path}: {name}", self.load(name, MAX_READ + 1))


def validated(model: type[Model], data: Any, where: str) -> Model:
    """Check data against a schema.

    Raises:
        DataError: it does not fit; begins with `where`.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "top level"
        received = repr(first["input"])[:60]
        raise DataError(
            f"{where}: {place}: {first['msg']}. Received: {received}. Export it again."
        ) from error


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Open a folder, a zip file or an uncompressed tar file.

    Raises:
        UsageError: there is no such file or folder, or it is of another kind.
        DataError: the archive is damaged, or not safe.
    """
    if path.is_dir():
        yield _folder(path)
        return
    if not path.is_file():
        raise UsageError(f"{path}: no such file or folder; expected an exported project")
    suffix = path.suffix.lower()
    if suffix not in (".zip", ".tar"):
        raise UsageError(
            f"{path}: expected a folder, a .zip or an uncompressed .tar of a project. "
            "Unpack other archives first."
        )
    with contextlib.ExitStack() as stack:
        with _readable(path):
            if suffix == ".zip":
                check_directory(path)
                source = _zip(path, stack.enter_context(zipfile.ZipFile(path)))
            else:  # only uncompressed: to list a compressed one means to inflate all of it
                source = _tar(path, stack.enter_context(tarfile.open(path, "r:")))
        yield source


@contextmanager
def new_project(path: Path) -> Iterator[Write]:
    """Begin a project that appears at `path` once the block has succeeded.

    Args:
        path: a folder, or a zip file if it ends in .zip; must not exist.

    Yields:
        A function that writes a file, given its name and bytes.

    Raises:
        UsageError: there is something at `path`.
        OutputError: it cannot be written.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise UsageError(f"{path}: exists already; choose another name, or remove it")
    ensure_folder(path.parent)
    remove_temporaries_of(path)
    if path.suffix.lower() == ".zip":
        with atomic_path(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            yield archive.writestr
        return
    temporary = path.with_name(f".{path.stem[:40]}-{uuid4().hex[:8]}{path.suffix}")

    def write(name: str, data: bytes) -> None:
        target = temporary / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    try:
        temporary.mkdir()
        yield write
        if path.exists():
            path.rmdir()
        temporary.rename(path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _folder(path: Path) -> Source:
    files = sorted(file for file in path.rglob("*") if file.is_file())
    names = [file.relative_to(path).as_posix() for file in files]

    def load(name: str, limit: int) -> bytes:
        try:
            with (path / name).open("rb") as file:
                return file.read(limit)
        except OSError as error:
            raise DataError(f"{path / name}: cannot be read: {error.strerror}") from error

    return Source(path, _visible(names), load)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """What zipfile and tarfile raise of damaged or encrypted archives, as our own error."""
    try:
        yield
    except NucsegError:
        raise
    except Exception as error:  # zlib.error, TarError, UnicodeDecodeError, ...
        raise _damaged(path, error) from error


def check_directory(path: Path) -> None:
    """Refuse a zip whose list of files is too long, before zipfile reads it.

    The list's length stands in a record at the end of the file, behind which a comment may follow.

    Raises:
        DataError: it is.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - 2**16 - 22))
        end = file.read()
    place = end.rfind(b"PK\5\6")
    length = int.from_bytes(end[place + 12 : place + 16], "little") if place >= 0 else 0
    wide = end.rfind(b"PK\6\6")  # of more than 65,535 files, or 4 GiB
    if wide >= 0:
        length = max(length % 0xFFFFFFFF, int.from_bytes(end[wide + 40 : wide + 48], "little"))
    if length > MAX_DIRECTORY:
        raise DataError(f"{path}: its list of files takes {length:,} bytes; split it")


def _zip(path: Path, archive: zipfile.ZipFile) -> Source:
    members = [member for member in archive.infolist() if not member.is_dir()]
    names = [member.orig_filename for member in members]
    _check_names(path, names)
    for member in members:
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise _unsafe(path, member.orig_filename, "is a link or a device")
        if member.flag_bits & 1:
            raise _unsafe(path, member.orig_filename, "has a password")
        ratio = member.file_size / max(member.compress_size, 1)
        if member.file_size > RATIO_FROM and ratio > MAX_RATIO:
            raise _unsafe(path, member.orig_filename, f"unpacks to {ratio:.0f} times its size")
    _check_total(path, {member.orig_filename: member.file_size for member in members})

    def load(name: str, limit: int) -> bytes:
        with _readable(path), archive.open(name) as file:
            return file.read(limit)

    return Source(path, _visible(names), load)


def _tar(path: Path, archive: tarfile.TarFile) -> Source:
    listed = itertools.islice(archive, MAX_FILES + 1)  # the rest need not be looked for
    members = [member for member in listed if not member.isdir()]
    names = [member.name.removeprefix("./") for member in members]
    _check_names(path, names)
    by_name = dict(zip(names, members, strict=True))
    for name, member in by_name.items():
        if not member.isreg():
            raise _unsafe(path, name, "is a link or a device")
    _check_total(path, {name: member.size for name, member in by_name.items()})

    def load(name: str, limit: int) -> bytes:
        with _readable(path):
            file = archive.extractfile(by_name[name])
            return file.read(limit) if file else b""

    return Source(path, _visible(names), load)


def _check_names(path: Path, names: list[str]) -> None:
    if len(names) > MAX_FILES:
        raise DataError(f"{path}: holds {len(names):,} files, above {MAX_FILES:,}; split it")
    seen: set[str] = set()
    for name in names:
        if name.startswith("/") or name[1:2] == ":":
            raise _unsafe(path, name, "has an absolute path")
        if ":" in name:
            raise _unsafe(path, name, "has a colon in its name, as streams of Windows have")
        if ".." in PurePosixPath(name).parts:
            raise _unsafe(path, name, "leads out of its folder (..)")
        if "\\" in name or not name.isprintable():
            raise _unsafe(path, name, "has a backslash or control character in its name")
        if name in seen:
            raise _unsafe(path, name, "is there twice")
        seen.add(name)


def _check_total(path: Path, sizes: dict[str, int]) -> None:
    total = sum(sizes.values())
    if total > MAX_TOTAL:
        largest = max(sizes, key=lambda name: sizes[name])
        raise _unsafe(
            path, largest, f"is the largest of {total >> 30} GiB; {MAX_TOTAL >> 30} are allowed"
        )


def _visible(names: list[str]) -> list[str]:
    """Without hidden files, and those that macOS adds to zip files."""
    return [
        name
        for name in names
        if not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))
    ]


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(
        f"{path}: cannot be read as {path.suffix[1:]} file: {error}. Download it again, without a "
        "password."
    )


def _unsafe(path: Path, name: str, reason: str) -> DataError:
    return DataError(
        f"{path}: refused, as its member {name!r} {reason}. Export the project again, or make the "
        "archive from the project's folder."
    )
