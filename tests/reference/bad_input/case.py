"""A case of bad input: what is given, and what must come of it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from unittest.mock import patch

from nucseg_tf.__main__ import main
from nucseg_tf.inference import segmenter

Draw = Callable[[Path], None]
TEMPORARY = re.compile(r"\..+-[0-9a-f]{8}(\.\w+)?", re.DOTALL)  # as of io.files.atomic_path
MODEL = "fpn2ws-nuclei"
LOAD = segmenter.load_model  # the true one


def nothing(folder: Path) -> None:
    """Draw no file."""


@dataclass(frozen=True)
class Case:
    """A command that is given something bad.

    Attributes:
        what: is given, for the page.
        argv: of `nucseg`, to be split as a shell does; it runs in a folder of its own.
        code: it ends with.
        says: what must be in its messages or in failures.csv: what is wrong, where, and what to do.
        draw: the files in that folder.
        leaves: patterns of new files that are right all the same, where it ends with 1 or 2.
        real: whether models are loaded as always; otherwise one, loaded once, stands for all.
    """

    what: str
    argv: str
    code: int
    says: tuple[str, ...]
    draw: Draw = nothing
    leaves: tuple[str, ...] = ()
    real: bool = False

    def __str__(self) -> str:
        return self.what


@cache
def _model() -> segmenter.Segmenter:
    return LOAD(MODEL)


@contextlib.contextmanager
def _at(folder: Path, real: bool) -> Iterator[io.StringIO]:
    """Work in a folder, with all that is said collected."""
    before, said = Path.cwd(), io.StringIO()
    stand_in = contextlib.nullcontext() if real else _stand_in()
    os.chdir(folder)
    try:
        with stand_in, contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            yield said
    finally:
        os.chdir(before)


def _stand_in() -> contextlib.AbstractContextManager:
    return patch.object(segmenter, "load_model", lambda *_, **__: _model())


def contents(folder: Path) -> dict[str, str]:
    """Each file and link below a folder, and a hash of it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[path.relative_to(folder).as_posix()] = f"-> {path.readlink()}"
        elif path.is_file():
            found[path.relative_to(folder).as_posix()] = _digest(path)
    return found


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def run(case: Case, folder: Path) -> tuple[int, str, set[str]]:
    """Draw the files and run the command.

    Args:
        case: to be run.
        folder: an empty one.

    Returns:
        Exit code, all that is said in messages and failures.csv, and the files that are new.

    Raises:
        AssertionError: a file that was given is not what it was.
    """
    case.draw(folder)
    before = contents(folder)
    with _at(folder, case.real) as said:
        code = main(shlex.split(case.argv))
    after = contents(folder)
    changed = [name for name in before if after.get(name) != before[name]]
    assert not changed, f"changed: {changed}"
    failures = [path.read_text(encoding="utf-8") for path in folder.rglob("failures.csv")]
    return code, "\n".join([said.getvalue(), *failures]), after.keys() - before.keys()


def check(case: Case, folder: Path) -> None:
    """Run a case; AssertionError where what comes of it is not right.

    Args:
        case: to be run.
        folder: an empty one.
    """
    code, said, new = run(case, folder)
    assert code == case.code, f"exit code {code}: {said}"
    assert "Traceback" not in said, said
    plain = " ".join(said.split())
    for words in case.says:
        assert words in plain, f"not said: {words}\n{plain}"
    left = [name for name in new if TEMPORARY.fullmatch(Path(name).name)]
    assert not left, f"left behind: {left}"
    if code in (1, 2):
        left = [name for name in new if not any(Path(name).match(p) for p in case.leaves)]
        assert not left, f"partial output: {left}"
    if code == 3 and "out/run.json" in new:
        assert "out/failures.csv" in new
