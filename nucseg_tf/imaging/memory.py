"""How much memory this process may have, and what running out of it looks like."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from nucseg_tf.errors import MemoryLimitError, NucsegError

SELF, CGROUPS = Path("/proc/self"), Path("/sys/fs/cgroup")
# Version 2 of control groups, then 1: folder, limit, use, and how memory.stat calls what the
# system takes back from a file's copy in memory before it ends a process.
GROUPS = (
    ("", CGROUPS, "memory.max", "memory.current", "inactive_file"),
    (
        *("memory", CGROUPS / "memory"),
        *("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ),
)
# What libraries say that have no class for it: OpenVINO, oneDNN, TensorFlow, XLA, OpenCV, threads.
WORDS = re.compile(
    r"bad_alloc|failed to allocate|can(no|')t alloc|could not allocate|out of memory"
    r"|insufficient memory|resource_?exhausted|OOM when|can't start new thread",
    re.IGNORECASE,
)
REMEDY = (
    "Give it more memory; or --workers 1 and a smaller --tile, which need less; or cut the image "
    "into pieces."
)


def allowed() -> int:
    """Bytes that this process may have in all: of the machine, its container and `ulimit -v`."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    limits += [limit for limit, _ in _groups()]
    return min([*limits, *filter(None, [_address_space()])])


def left() -> int:
    """Bytes that this process may take beyond what it has."""
    rooms = [allowed() - _status("VmRSS")]
    rooms += [limit - used for limit, used in _groups()]
    space = _address_space()
    if space is not None:
        rooms.append(space - _status("VmSize"))
    return max(0, min(rooms))


def is_exhausted(error: BaseException) -> bool:
    """Whether an error says that there was no memory left."""
    if isinstance(error, (MemoryError, MemoryLimitError)):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, NucsegError):
        return False
    return bool(WORDS.search(f"{type(error).__name__} {error}"))


def explain(error: BaseException, remedy: str = REMEDY) -> str:
    """What to tell of such an error: what was wanted, what is allowed, what may be done."""
    said = [line.strip() for line in str(error).splitlines() if line.strip()]
    wanted = next((line for line in reversed(said) if WORDS.search(line) or "allocate" in line), "")
    asked = f" ({wanted[:200]})" if wanted else ""
    return (
        f"out of memory{asked}: {allowed() / 2**30:.1f} GiB are allowed in all, of which "
        f"{left() / 2**30:.1f} were left. {remedy}"
    )


def _address_space() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def _status(name: str) -> int:
    """Bytes of memory of this process by their name in /proc; 0 where there is none."""
    try:
        found = re.search(rf"{name}:\s+(\d+) kB", (SELF / "status").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def _groups() -> Iterator[tuple[int, int]]:
    """Limit and use, bytes, of the control groups that this process is in."""
    try:
        lines = (SELF / "cgroup").read_text().splitlines()
    except OSError:
        return
    paths = {kind: path.lstrip("/") for _, kind, path in (line.split(":", 2) for line in lines)}
    for kind, root, limit, used, reclaimed in GROUPS:
        place = root / paths[kind] if kind in paths else root
        # In a container the path may be that of outside, and the group lie at the root.
        for folder in [place, *place.parents]:
            if folder != root and root not in folder.parents:
                break
            try:
                most, now = (int((folder / name).read_text()) for name in (limit, used))
                stat = (folder / "memory.stat").read_text()
            except (OSError, ValueError):  # not there, or "max"
                continue
            cached = re.search(rf"^{reclaimed} (\d+)$", stat, re.MULTILINE)
            yield most, now - (int(cached[1]) if cached else 0)
