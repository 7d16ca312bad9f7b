import errno
import resource

import pytest

from nucseg_tf.errors import DataError, MemoryLimitError
from nucseg_tf.imaging import memory

GIB = 2**30


class ResourceExhaustedError(Exception):
    """As TensorFlow calls it."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        MemoryLimitError("x"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError("Exception from core.cpp:117:\nstd::bad_alloc\n"),
        RuntimeError("[CPU] Interpolate node with name 'x' can't alloc\n"),
        RuntimeError("Check 'ptr' failed\nFailed to allocate 42467328 bytes of memory"),
        RuntimeError("can't start new thread"),
        ResourceExhaustedError("OOM when allocating tensor"),
        Exception("OpenCV(4.11) error: (-4:Insufficient memory) Failed to allocate 8 bytes"),
    ],
)
def test_what_running_out_looks_like(error):
    assert memory.is_exhausted(error)


@pytest.mark.parametrize(
    "error",
    [ValueError("x"), OSError(errno.ENOSPC, "full"), DataError("a.tif: out of memory card")],
)
def test_what_it_does_not(error):
    assert not memory.is_exhausted(error)


def test_the_explanation_has_what_was_wanted_what_is_allowed_and_what_to_do(monkeypatch):
    monkeypatch.setattr(memory, "allowed", lambda: 2 * GIB)
    monkeypatch.setattr(memory, "left", lambda: GIB // 2)
    text = memory.explain(MemoryError("Unable to allocate 3.1 GiB for an array"), "Buy more.")
    assert text == (
        "out of memory (Unable to allocate 3.1 GiB for an array): 2.0 GiB are allowed in all, of "
        "which 0.5 were left. Buy more."
    )


def lay_out(root, monkeypatch, cgroup, files):
    me = root / "self"
    me.mkdir()
    (me / "cgroup").write_text(cgroup)
    (me / "status").write_text("VmSize:\t 1048576 kB\nVmRSS:\t  524288 kB\n")
    for name, content in files.items():
        file = root / "cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    top = root / "cgroup"
    groups = [(kind, top / kind if kind else top, *rest) for kind, _, *rest in memory.GROUPS]
    monkeypatch.setattr(memory, "GROUPS", tuple(groups))
    monkeypatch.setattr(memory, "SELF", me)


V2 = {
    "job/memory.max": "max\n",
    "job/step/memory.max": f"{2 * GIB}\n",
    "job/step/memory.current": f"{GIB}\n",
    "job/step/memory.stat": f"anon 5\ninactive_file {GIB // 4}\n",
}
V1 = {
    "memory/job/memory.limit_in_bytes": f"{2 * GIB}\n",
    "memory/job/memory.usage_in_bytes": f"{GIB}\n",
    "memory/job/memory.stat": f"inactive_file 7\ntotal_inactive_file {GIB // 4}\n",
}


@pytest.mark.parametrize(
    ("cgroup", "files"),
    [
        ("0::/job/step\n", V2),
        ("0::/job/step/below\n", V2),
        ("5:cpu:/x\n4:memory:/job\n0::/\n", V1),
        ("0::/of/the/host\n", {name.removeprefix("job/step/"): text for name, text in V2.items()}),
    ],
)
def test_limits_of_control_groups(tmp_path, monkeypatch, cgroup, files):
    lay_out(tmp_path, monkeypatch, cgroup, files)
    monkeypatch.setattr(memory, "_address_space", lambda: None)
    assert memory.allowed() == 2 * GIB
    assert memory.left() == 2 * GIB - (GIB - GIB // 4)


def test_a_limit_of_addresses(tmp_path, monkeypatch):
    lay_out(tmp_path, monkeypatch, "", {})
    monkeypatch.setattr(resource, "getrlimit", lambda which: (3 * GIB, 3 * GIB))
    assert memory.allowed() == 3 * GIB
    assert memory.left() == 2 * GIB
