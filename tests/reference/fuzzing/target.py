"""What a target of fuzzing is, and what counts as a finding.

A parser may give a right value or raise a `NucsegError`. Anything else is a finding: another
exception, a value that its own checks refuse, memory that runs out, and, where the caller watches
it, an end of the process or of its time.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nucseg_tf.errors import NucsegError

Kind = Literal["json", "lines", "yaml", "bytes"]
OURS = ("nucseg_tf", "reference")  # frames that tell findings apart


@dataclass(frozen=True)
class Target:
    """A parser.

    Attributes:
        name: of the target, letters and dashes.
        file: where the input goes, below a folder.
        read: parses it, and raises AssertionError where what comes out is not right.
        seeds: inputs to begin with, valid ones as a rule.
        kind: how inputs are varied, beside byte by byte.
        prepare: puts what belongs around the input into the folder, once.
        decoder: whether another package decodes the bytes; how much memory a file may ask for
            is settled before it then, so a refusal for want of memory is none of the parser.
    """

    name: str
    file: str
    read: Callable[[Path], Any]
    seeds: Callable[[], Sequence[bytes]]
    kind: Kind = "bytes"
    prepare: Callable[[Path], Any] = lambda folder: None
    decoder: bool = False


@dataclass(frozen=True)
class Finding:
    """What a parser should not have done.

    Attributes:
        sign: tells findings apart: the exception, and the innermost lines of ours.
        text: the traceback.
    """

    sign: str
    text: str


class Folder:
    """A target with its surroundings, to be given one input after another.

    Args:
        target: it.
        folder: an empty folder of its own.
    """

    def __init__(self, target: Target, folder: Path):
        self.target, self.folder = target, folder
        self.path = folder / target.file
        self.path.parent.mkdir(parents=True, exist_ok=True)
        target.prepare(folder)

    def try_out(self, data: bytes) -> Finding | None:
        """Parse an input; None where all is well."""
        self.path.write_bytes(data)
        try:
            self.target.read(self.folder)
        except NucsegError as error:
            hungry = any(isinstance(one, MemoryError) for one in _chain(error))
            return _finding(error) if hungry and not self.target.decoder else None
        except Exception as error:  # whatever it is
            return _finding(error)
        return None


def _finding(error: BaseException) -> Finding:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if any(part in frame.filename for part in OURS)]
    places = [f"{Path(frame.filename).stem}.{frame.name}" for frame in ours[-2:]]
    text = "".join(traceback.format_exception(error, limit=-12))
    return Finding(" ".join([type(error).__name__, *places]), text)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
