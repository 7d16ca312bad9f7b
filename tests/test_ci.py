"""What continuous integration installs, with an apt-get that only takes notes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

FOR_OTHERS = (
    "xvfb xauth libegl1 libgl1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0 "
    "libxcb-keysyms1 libxcb-render-util0 libxcb-shape0 xdotool imagej groovy"
)
CI = Path(__file__).parents[1] / ".ci"
OS_RELEASE = Path("/etc/os-release")
DEBIAN = OS_RELEASE.exists() and "\nID=debian\n" in OS_RELEASE.read_text()


def program(path: Path, text: str) -> None:
    """A script for bash."""
    path.write_text(f"#!{shutil.which('bash')}\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path) -> Path:
    """A PATH of what the script itself uses, and apt-get; user 0, without the tests' programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "grep"):
        (folder / name).symlink_to(shutil.which(name))
    program(folder / "python3", "exit 1")  # finds no library
    program(folder / "id", "echo 0")
    program(folder / "apt-get", f'echo "$DEBIAN_FRONTEND: $*" >> {tmp_path / "notes"}')
    return folder


def install(machine: Path) -> tuple[subprocess.CompletedProcess, list[str]]:
    """Runs the script; how it ended, and the arguments of each apt-get."""
    command = [shutil.which("bash"), CI / "install"]
    environment = os.environ | {"PATH": str(machine)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    notes = machine.parent / "notes"
    return done, notes.read_text().splitlines() if notes.exists() else []


@pytest.mark.skipif(not DEBIAN, reason="needs Debian")
def test_what_is_missing_is_installed(machine):
    program(machine / "git", "")
    done, calls = install(machine)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"installing chromium libatomic1 procps {FOR_OTHERS}\n"
    update, packages = calls
    assert update.startswith("noninteractive: update")
    assert packages.split()[:2] == ["noninteractive:", "install"]
    assert "--no-install-recommends" in packages
    assert packages.endswith(f" chromium libatomic1 procps {FOR_OTHERS}")


def test_nothing_is_done_where_nothing_is_missing(machine):
    for name in (
        "chromium",
        "python3",
        "git",
        "pgrep",
        "Xvfb",
        "xauth",
        "xdotool",
        "imagej",
        "groovy",
    ):
        program(machine / name, "")
    program(machine / "id", "echo 1000")
    done, calls = install(machine)
    assert (done.returncode, done.stdout, done.stderr, calls) == (0, "", "", [])


def test_others_than_root_are_told_what_is_missing(machine):
    program(machine / "pgrep", "")
    program(machine / "id", "echo 1000")
    done, calls = install(machine)
    assert done.returncode == 1
    assert f"apt-get install chromium libatomic1 git {FOR_OTHERS}\n" in done.stderr
    assert calls == []


@pytest.mark.skipif(not DEBIAN, reason="needs Debian")
def test_an_installation_that_fails_is_no_success(machine):
    program(machine / "apt-get", "exit 100")
    assert install(machine)[0].returncode == 100


def test_it_comes_first_and_skips_are_failures():
    lines = (CI / "run").read_text().splitlines()
    assert lines.index(".ci/install") < lines.index("export NUCSEG_NO_SKIPS=1")
    homes = "napari-test imagej-test clusters-test"
    assert lines[-1] == f"make lint type docs test {homes} image-test slurm-test"
