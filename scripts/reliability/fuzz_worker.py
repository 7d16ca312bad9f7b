"""Fuzzes one target in this process: `fuzz_worker.py MODULE TARGET FOLDER SECONDS`.

Atheris guides by the coverage of our code and of the parsers in Python beneath it; half of the
variations know of documents, lines and types (reference/fuzzing/vary.py). A finding that is an
exception is noted, made small, and fuzzing goes on. One that ends the process (a crash of native
code, an input that takes longer than LONGEST, memory) leaves an artifact in FOLDER/artifacts, and
the caller begins anew. FOLDER/told.json says what was done.

With three arguments, MODULE TARGET FILE, the input of a file is tried once.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import atheris  # noqa: E402

GUIDES = ["nucseg_tf", "roifile", "tifffile", "yaml", "liffile", "nd2", "zarr.core.metadata"]
with atheris.instrument_imports(include=GUIDES):
    from reference.fuzzing.table import targets_of
    from reference.fuzzing.target import Folder
    from reference.fuzzing.vary import make_small, vary

    from nucseg_tf.io import elsewhere

    TARGET = targets_of(sys.argv[1])[sys.argv[2]]

LONGEST = 10  # s, of one input
ROOM = 2**30  # bytes that a parser may have beside what is there before
elsewhere.PATIENCE = LONGEST / 2
LARGEST_FILE = 2**26  # bytes
LONGEST_INPUT = 2**16
SMALLER = 3.0  # s, to make a finding small


class Worker:
    """Tries inputs of a target, and notes what comes of them.

    Args:
        place: the target in a folder.
        folder: for notes.
    """

    def __init__(self, place: Folder, folder: Path):
        self.place, self.folder = place, folder
        self.executions = 0
        self.began = self.told = time.monotonic()
        self.findings: dict[str, str] = {}  # file by sign

    def try_out(self, data: bytes) -> None:
        """Try an input."""
        self.executions += 1
        finding = self.place.try_out(data)
        if finding is not None and finding.sign not in self.findings:
            small = make_small(data, lambda other: self._is(other, finding.sign), SMALLER)
            file = self.folder / f"finding-{len(self.findings)}"
            file.write_bytes(small)
            file.with_suffix(".txt").write_text(finding.text)
            self.findings[finding.sign] = str(file)
            self.tell()
        elif time.monotonic() - self.told > 0.5:
            self.tell()

    def _is(self, data: bytes, sign: str) -> bool:
        finding = self.place.try_out(data)
        return finding is not None and finding.sign == sign

    def tell(self) -> None:
        """Write down what was done so far, for the process may end at any time."""
        self.told = time.monotonic()
        content = {
            "executions": self.executions,
            "seconds": round(self.told - self.began, 2),
            "findings": [(file, sign) for sign, file in self.findings.items()],
        }
        temporary = self.folder / "told.tmp"
        temporary.write_text(json.dumps(content), encoding="utf-8")
        temporary.replace(self.folder / "told.json")


def limit() -> None:
    """Bound what this process may take from now on."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def vary_input(data: bytes, longest: int, seed: int) -> bytes:
    """A variation, by what the input is or by its bytes alone."""
    if seed % 2:
        return atheris.Mutate(data, longest)
    return vary(data, TARGET.kind, Random(seed))[:longest]


def main() -> None:
    """Fuzz, or try a file."""
    logging.lastResort = None  # quiet; where logs are disabled, readers would not see tifffile's
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as home:
        place = Folder(TARGET, Path(home))
        if len(sys.argv) == 4:
            limit()
            print(place.try_out(Path(sys.argv[3]).read_bytes()))
            return
        folder, seconds = Path(sys.argv[3]), sys.argv[4]
        corpus = folder / "corpus"
        corpus.mkdir(exist_ok=True)
        for number, seed in enumerate(TARGET.seeds()):
            (corpus / f"seed-{number}").write_bytes(seed)
        worker = Worker(place, folder)
        for seed in TARGET.seeds():
            worker.try_out(seed)
        worker.tell()
        limit()
        flags = [f"-max_total_time={seconds}", f"-timeout={LONGEST}", f"-max_len={LONGEST_INPUT}"]
        flags += ["-rss_limit_mb=0", "-verbosity=0", f"-artifact_prefix={folder}/artifacts/"]
        flags += ["-handle_xfsz=0"]  # a file beyond LARGEST_FILE is an OSError, as on a full disk
        atheris.Setup([sys.argv[0], *flags, str(corpus)], worker.try_out,
                      custom_mutator=vary_input)  # fmt: skip
        atheris.Fuzz()


if __name__ == "__main__":
    main()
