"""One process at a time in a folder: lock files, which say who holds them.

On a local disk the system's lock (flock) decides: it is given back when a process ends, however it
ends. A network drive may give none (ENOLCK), or each machine its own. There, what stands in the
file decides: the process, when it was born, its machine, and a number that its holder counts on.
Of this machine it is asked whether the process lives; of another one whether the number goes on, by
this machine's stopwatch, for clocks differ, and are set. A file is put there by a hard link, which
no server does twice, or by a rename, and read again after a moment.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO
from uuid import uuid4

from pydantic import TypeAdapter

from nucseg_tf.errors import BusyError, OutputError
from nucseg_tf.io.documents import from_json
from nucseg_tf.io.files import open_own, reason

LOG = logging.getLogger(__name__)
NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}
BUSY = {errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK}
BEAT = 4.0  # s, after which a holder counts on
WATCH = 20.0  # s, in which the number of a living holder goes on
SETTLE = 0.5  # s, in which a file that two have put there at once is one of theirs for all
MOUNTS = Path("/proc/self/mountinfo")
REMOTE = ("nfs", "cifs", "smb", "fuse", "9p", "virtiofs", "lustre", "beegfs", "gpfs", "ceph", "afs")


@dataclass(frozen=True)
class Holder:
    """Who holds a lock.

    Attributes:
        process: its number.
        born: when the process began, by the count of its system; 0 where that is not known.
        machine: its name, and the room of process numbers in it.
        since: UTC, ISO 8601, for people.
        token: of this holder alone.
        count: goes on while it lives.
    """

    process: int
    born: int
    machine: str
    since: str
    token: str = ""
    count: int = 0

    def __str__(self) -> str:
        machine = self.machine.partition(" ")[0]
        return f"process {self.process} on {machine}, since {self.since or 'a time not known'}"

    @property
    def is_here(self) -> bool:
        """Whether it is a process of this machine, whose number means something here."""
        return self.machine == _machine()

    @property
    def lives(self) -> bool:
        """Whether that process of this machine is there still, and no later one of its number."""
        if Path("/proc/self/stat").exists():
            birth = _birth(self.process)
            return birth != 0 and self.born in (0, birth)
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return False
        except (OSError, OverflowError):  # another user's
            return True
        return True


_HOLDER = TypeAdapter(Holder)


@contextmanager
def only_one(path: Path, what: str, remedy: str) -> Iterator[None]:
    """Hold a lock file, which is gone afterwards.

    Args:
        path: of the file; its folder is there.
        what: is refused to a second process, such as "FOLDER: another run writes here".
        remedy: what its user may do.

    Raises:
        BusyError: another process holds it; it is named.
        OutputError: the file cannot be written.
    """
    try:
        stream, shared = _open(path)
    except OSError as error:
        if error.errno in BUSY:
            raise BusyError(_refusal(path, what, remedy, read(path))) from error
        raise OutputError(f"{path}: cannot be written: {reason(error, path.parent)}") from error
    with stream:
        trusted = shared and not is_remote(path)
        if not trusted:
            _refuse_living(path, what, remedy)
        beat = _Beat(path, holder_now(os.getpid()))
        try:
            _sign(path, stream if shared else None, beat.holder)
            if not trusted:
                time.sleep(SETTLE)
                found = read(path)
                if found is None or found.token != beat.holder.token:
                    raise BusyError(_refusal(path, what, remedy, found))
                beat.start()
            yield
        finally:
            beat.stop()
            found = read(path)
            if found is None or found.token == beat.holder.token:  # else it was taken over
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)


def read(path: Path) -> Holder | None:
    """Who stands in a lock file; None where nobody does, or it is about to be written."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def parse(text: str) -> Holder | None:
    """Whom the content of a lock file names."""
    try:
        return _HOLDER.validate_python(from_json(text))
    except ValueError:
        return None


def held(path: Path) -> Holder | None:
    """Who holds a lock now, as far as this machine can tell at once; None where nobody does."""
    found = read(path)
    try:
        with path.open("r+", encoding="utf-8") as stream:
            lock_now(stream)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in BUSY:
            return found or Holder(0, 0, _machine(), "")
        return found if found is None or not found.is_here or found.lives else None
    return found if found is not None and not found.is_here and is_remote(path) else None


def is_remote(path: Path) -> bool:
    """Whether a path is on a network drive, or what may be one."""
    best, kind = -1, ""
    with contextlib.suppress(OSError, IndexError):
        place = os.path.realpath(path)
        for line in MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
            before, _, after = line.partition(" - ")
            point = before.split(" ")[4].replace("\\040", " ")
            inside = place == point or place.startswith(point.rstrip("/") + "/")
            if inside and len(point) >= best:
                best, kind = len(point), after.split(" ")[0]
    return kind.startswith(REMOTE)


def lock_now(stream: TextIO) -> None:
    """Lock an open file until it is closed, at once or not at all; OSError where that fails."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _open(path: Path) -> tuple[TextIO, bool]:
    """The file, open, and whether the system gave its lock; OSError if another has it."""
    while True:
        stream = open_own(path, "a+", encoding="utf-8")
        try:
            lock_now(stream)
            if path.exists() and os.path.samestat(path.stat(), os.fstat(stream.fileno())):
                return stream, True
        except OSError as error:
            if error.errno in NO_LOCKS:
                return stream, False
            if error.errno not in (errno.ESTALE, errno.ENOENT):
                stream.close()
                raise
        stream.close()  # its holder has ended, and taken the file with it, since it was opened


def _refuse_living(path: Path, what: str, remedy: str) -> None:
    """Raise BusyError where whoever stands in the file is still at work."""
    found = read(path)
    if found is None or (found.is_here and not found.lives):
        return
    if not found.is_here:
        LOG.warning("%s: is of %s; is looked at for %.0f s", path, found, WATCH)
        end = time.monotonic() + WATCH
        while time.monotonic() < end and read(path) == found:
            time.sleep(WATCH / 40)
        if read(path) in (None, found):
            LOG.warning("%s: is taken over from %s, which gives no sign of life", path, found)
            return
    raise BusyError(_refusal(path, what, remedy, found, True))


def _refusal(path: Path, what: str, remedy: str, found: Holder | None, hand: bool = False) -> str:
    who = f": {found}" if found else ""
    by_hand = f" If that is no more, remove {path}." if hand else ""
    return f"{what}{who}. {remedy}{by_hand}"


def _sign(path: Path, stream: TextIO | None, mine: Holder) -> None:
    """Write into a lock file who holds it; without a locked `stream`, put it in place.

    Raises:
        OutputError: it cannot be put there.
    """
    text = json.dumps(asdict(mine))
    if stream is not None:
        with contextlib.suppress(OSError):  # on a full disk it stays without a name
            stream.truncate(0)
            os.write(stream.fileno(), text.encode())
        return
    LOG.warning("%s: its file system gives no locks; what stands in the file is one", path)
    temporary = path.with_name(f"{path.name}-{uuid4().hex[:8]}")
    try:
        temporary.write_text(text, encoding="utf-8")
        if path.stat().st_size == 0:  # `_open` has made it
            path.unlink()
        try:
            os.link(temporary, path)
        except OSError:  # it is there, of a process that has ended; or there are no links
            temporary.replace(path)
    except OSError as error:
        text = f"{path}: cannot be written: {reason(error, path.parent)}"
        raise OutputError(text) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


class _Beat(threading.Thread):
    """Counts on in a lock file as long as the process lives."""

    def __init__(self, path: Path, holder: Holder):
        super().__init__(name="nucseg-lock", daemon=True)
        self._path, self.holder, self._ended = path, holder, threading.Event()

    def run(self) -> None:
        while not self._ended.wait(BEAT):
            found = read(self._path)
            if found is not None and found.token != self.holder.token:
                LOG.error("%s: was taken over by %s", self._path, found)
                return
            self.holder = replace(self.holder, count=self.holder.count + 1)
            with contextlib.suppress(OSError), self._path.open("r+", encoding="utf-8") as stream:
                stream.write(json.dumps(asdict(self.holder)))

    def stop(self) -> None:
        self._ended.set()
        if self.is_alive():
            self.join()


def holder_now(process: int) -> Holder:
    """A process of this machine as the holder of a lock from now on."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return Holder(process, _birth(process), _machine(), since, uuid4().hex)


def _machine() -> str:
    """Name of the machine, and of the room of process numbers; containers have their own."""
    try:
        return f"{socket.gethostname()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()


def _birth(process: int) -> int:
    """When a process began, in ticks of its system; 0 where there is none, or no way to know."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        state, *rest = text.rpartition(")")[2].split()
        return 0 if state == "Z" else int(rest[18])
    except (OSError, ValueError, IndexError):
        return 0
