"""What is compared: whole files, nothing hidden, the same content as without a kill."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py

from nucseg_tf.annotation.loop import locks
from nucseg_tf.errors import NucsegError
from nucseg_tf.io.images import read_raw

# What differs between any two runs: times and processes.
TIMES = ("created", "seconds", "started", "starts", "written")
VOLATILE = ("cost", "git", "process", *TIMES)
LOCKS = (locks.TRAINING, locks.PREDICTING, locks.SUBMITTED, ".lock")


def check_whole(folder: Path) -> list[str]:
    """Files that anybody would take for whole, and are not."""
    broken = []
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or not path.is_file() or "-unfinished" in str(path):
            continue
        try:
            _read(path)
        except (NucsegError, OSError, ValueError, zipfile.BadZipFile) as error:
            if path.exists():  # else replaced, or removed, while it was looked at
                broken.append(f"{path.relative_to(folder)}: {error!r}")
    return broken


def _read(path: Path) -> None:
    """Raise something where a file is not whole."""
    if path.suffix == ".tif":
        read_raw(path).read_all()
    elif path.suffix == ".json":
        json.loads(path.read_text(encoding="utf-8"))
    elif path.suffix == ".h5":
        h5py.File(path, "r").close()
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            if archive.testzip():
                raise ValueError("damaged")
    elif path.suffix == ".html" and not path.read_text(encoding="utf-8").endswith("</html>\n"):
        raise ValueError("has no end")
    elif path.suffix == ".csv" and not path.read_bytes().endswith(b"\n"):
        raise ValueError("the last line has no end")


def hidden(folder: Path, known: Iterable[str] = LOCKS) -> list[str]:
    """Hidden files, but for some that may be there."""
    found = (path for path in folder.rglob(".*") if path.name not in known)
    return [str(path.relative_to(folder)) for path in found]


def differences(folder: Path, reference: Path, but: str = "") -> list[str]:
    """How a folder differs from what an undisturbed run has left.

    Args:
        folder, reference: to compare, hidden files too.
        but: a regular expression of paths that are left out.
    """
    left_out = re.compile(but or "$.")

    def files(root: Path) -> set[str]:
        found = (str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
        return {name for name in found if not left_out.search(name)}

    mine, wanted = files(folder), files(reference)
    found = [f"{name}: is missing" for name in sorted(wanted - mine)]
    found += [f"{name}: is too many" for name in sorted(mine - wanted)]
    for name in sorted(mine & wanted):
        if _content(folder / name) != _content(reference / name):
            found.append(f"{name}: is another")
    return found


def _content(path: Path) -> Any:
    """What of a file two runs have in common."""
    if path.suffix == ".json":
        return _lasting(json.loads(path.read_text(encoding="utf-8")))
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:  # its entries have times
            return {name: archive.read(name) for name in archive.namelist()}
    return path.read_bytes()


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lasting(inner) for key, inner in value.items() if key not in VOLATILE}
    return [_lasting(inner) for inner in value] if isinstance(value, list) else value
