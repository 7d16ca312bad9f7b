"""The container recipes, as far as they can be checked without an engine.

`make image-test` and `make sif-test` build and run them.
"""

from __future__ import annotations

import difflib
import fnmatch
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from nucseg_tf import __main__, doctor

ROOT = Path(__file__).parents[1]
DOCKER = ROOT / "docker"
CPU, GPU, DEF = (DOCKER / name for name in ("cpu.Dockerfile", "gpu.Dockerfile", "nucseg.def"))
SCRIPTS = sorted((ROOT / "scripts").glob("*.sh"))
WITHOUT_GPU_CODE = (
    "[ \"$(uname -m)\" != x86_64 ] || sed -i 's/^tensorflow==/tensorflow-cpu==/' requirements.txt"
)
PIN = re.compile(r"[a-z0-9-]+==\d\S*")


def pins(name: str) -> set[str]:
    """The requirements of a lock file, all of them exact."""
    lines = (ROOT / name).read_text().splitlines()
    found = {line for line in lines if line and not line.startswith(("#", "-r "))}
    assert all(PIN.fullmatch(line) for line in found)
    return found


def installs(recipe: Path) -> list[str]:
    """The commands of a recipe by which pip installs something."""
    commands = re.split(r"&&|\n", recipe.read_text().replace("\\\n", " "))
    return [command for command in commands if re.search(r"-m pip .*\binstall ", command)]


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path out: the last pattern that fits it or a parent decides."""
    parts = path.split("/")
    parents = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    verdict = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#"):
            pattern = line.removeprefix("!").removeprefix("**/")
            names = parts if "**/" in line else parents
            if any(fnmatch.fnmatchcase(name, pattern) for name in names):
                verdict = not line.startswith("!")
    return verdict


@pytest.mark.parametrize("path", [CPU, GPU], ids=lambda path: path.name)
def test_the_base_is_a_pinned_argument(path):
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    assert re.fullmatch(r"ARG BASE_IMAGE=python:3\.\d+\.\d+-slim-\w+", lines[0])
    bases = [line.split()[1] for line in lines if line.startswith("FROM ")]
    assert set(bases) == {"${WHEELS}", "${BASE_IMAGE}", "libraries"}


def test_all_recipes_have_the_same_base():
    base = re.compile(r"(?:BASE_IMAGE|    base)=(\S+)")
    assert len({base.search(path.read_text())[1] for path in (CPU, GPU, DEF)}) == 1


def test_dockerfiles_differ_in_what_they_must():
    cpu, gpu = (path.read_text().splitlines() for path in (CPU, GPU))
    lines = list(difflib.unified_diff(cpu, gpu, n=0))[2:]
    changed = [line for line in lines if line[0] in "-+" and line[1] != "#"]
    assert [line[0] + line[1:].strip() for line in changed] == [
        "-COPY requirements.txt ./",
        f"-RUN {WITHOUT_GPU_CODE}",
        "+COPY requirements.txt requirements-cuda.txt ./",
        "--r requirements.txt dumb-init==1.2.5.post1 \\",
        "+-r requirements-cuda.txt dumb-init==1.2.5.post1 \\",
        "-XDG_CACHE_HOME=/tmp/.cache",
        "+XDG_CACHE_HOME=/tmp/.cache \\",
        "+NVIDIA_VISIBLE_DEVICES=all \\",
        "+NVIDIA_DRIVER_CAPABILITIES=compute,utility",
        '-LABEL org.opencontainers.image.title="nucseg_tf (CPU)" \\',
        '+LABEL org.opencontainers.image.title="nucseg_tf (GPU)" \\',
    ]


@pytest.mark.parametrize("path", [CPU, GPU, DEF], ids=lambda path: path.name)
def test_versions_come_from_the_lock(path):
    text = path.read_text()
    own = {"dumb-init==1.2.5.post1"} if path is not DEF else set()
    assert set(PIN.findall(text)) == {*own, "setuptools==80.9.0"}
    assert text.count(WITHOUT_GPU_CODE) == (path is not GPU)
    assert len(installs(path)) == 3
    assert all("--no-deps" in command for command in installs(path))


@pytest.mark.parametrize("path", [CPU, GPU, DEF], ids=lambda path: path.name)
def test_the_program_is_built_without_a_network(path):
    (build,) = [command for command in installs(path) if "PYTHONPATH=/opt/setuptools" in command]
    assert {"--no-index", "--no-build-isolation", "."} <= set(build.split())
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert needed == ["setuptools>=77"]  # the version that the recipes have is newer


def test_locks_fit_together():
    cuda = ROOT / "requirements-cuda.txt"
    assert "\n-r requirements.txt\n" in cuda.read_text()
    names = [line.split("==")[0] for line in pins("requirements.txt") | pins(cuda.name)]
    assert len(names) == len(set(names))
    assert sum(name == "tensorflow" for name in names) == 1
    assert all(line.startswith("nvidia-") for line in pins(cuda.name))


def test_the_definition_installs_what_the_dockerfiles_copy():
    copied = set()
    for path in (CPU, GPU):
        for line in re.findall(r"^COPY (?!--from)(.*)", path.read_text(), re.MULTILINE):
            copied |= set(line.split()[:-1])
    files = DEF.read_text().split("%files\n")[1].split("\n\n")[0]
    assert {line.split()[0] for line in files.splitlines()} == copied
    assert all((ROOT / name).exists() for name in copied)


@pytest.mark.parametrize(
    "path",
    [
        "data/images/a.tif",
        "demo_output/nuclear_labels.tif",
        "runs/smoke/run/last.h5",
        ".venv/bin/python",
        ".git/config",
        "dist/nucseg-tf-cpu.sif",
        "requirements-dev.txt",
        "tests/test_docker.py",
        "nucseg_tf/__pycache__/types.cpython-311.pyc",
        "a.tif",
    ],
)
def test_the_context_leaves_out(path):
    assert ignored(path)


@pytest.mark.parametrize(
    "path",
    [
        "requirements.txt",
        "requirements-cuda.txt",
        "pyproject.toml",
        "configs/policies/full.yaml",
        "nucseg_tf/io/images.py",
        "nucseg_tf/weights/fpn2ws-nuclei/model.weights.h5",
    ],
)
def test_the_context_holds(path):
    assert (ROOT / path).exists()
    assert not ignored(path)


def test_compose_gives_no_more_rights_than_needed():
    services = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
    assert set(services) == {"nucseg", "nucseg-gpu"}
    for name, service in services.items():
        recipe = (DOCKER / service["build"]["context"] / service["build"]["dockerfile"]).resolve()
        assert recipe in (CPU, GPU)
        assert service["image"] == f"nucseg-tf:{recipe.stem}"
        assert service["read_only"] is True
        assert service["network_mode"] == "none"
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert re.fullmatch(r"\$\{NUCSEG_USER:-[1-9]\d*:[1-9]\d*\}", service["user"])
        (folder,) = service["volumes"]
        assert folder["source"].startswith("${NUCSEG_FOLDER:?")  # no folder by accident
        assert ("deploy" in service) == (name == "nucseg-gpu")


def test_wheels_hold_every_file_of_the_package():
    """Images install a wheel, which holds only the data files that pyproject.toml names."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    patterns = settings["package-data"]["nucseg_tf"]
    package = ROOT / "nucseg_tf"
    named = {file for pattern in patterns for file in package.glob(pattern) if file.is_file()}
    files = {
        Path(folder) / name
        for folder, _, names in os.walk(package, followlinks=True)
        for name in names
        if "__pycache__" not in folder and not name.endswith(".py")
    }
    assert files
    assert files == named


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_stop_at_errors(script):
    text = script.read_text()
    if text.startswith("#!"):
        assert "\nset -euo pipefail\n" in text
        assert os.access(script, os.X_OK)
    else:  # another sources it
        sourced = re.compile(rf"^source .*{re.escape(script.name)}\"?$", re.MULTILINE)
        assert any(sourced.search(other.read_text()) for other in SCRIPTS if other != script)
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="needs setpriv")
@pytest.mark.parametrize("name", ["image_test.sh", "sif_test.sh"])
def test_without_root_there_is_a_counted_skip(name):
    command = [ROOT / "scripts" / name]
    if os.geteuid() == 0:
        if not _others_may_read(ROOT):
            pytest.skip("the checkout is readable by root only")
        command = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.endswith("0 passed, 0 failed, 1 skipped\n"), done.stderr
    assert done.returncode == 0


def _others_may_read(folder: Path) -> bool:
    return all(path.stat().st_mode & 0o005 == 0o005 for path in (folder, *folder.parents))


# --- what the program does for containers ------------------------------------------------------


def test_after_a_signal_the_program_ends_at_once(monkeypatch):
    ended = []
    monkeypatch.setattr(os, "_exit", ended.append)
    for code in (143, 3):
        monkeypatch.setattr(__main__, "main", lambda code=code: code)
        with pytest.raises(SystemExit) as stop:
            __main__.program()
        assert stop.value.code == code
    assert ended == [143]


def test_tensorflow_has_a_version_in_the_cpu_image_too(monkeypatch):
    monkeypatch.setattr(doctor, "version", {"tensorflow-cpu": "2.21.0"}.__getitem__)
    monkeypatch.setattr(doctor, "PackageNotFoundError", KeyError)
    found = doctor.versions()
    assert found["tensorflow"] == "2.21.0"
    assert found["keras"] == "not installed"


class Driver:
    """Stands for libcuda.so.1."""

    def __init__(self, code: int, cuda: int = 12080):
        self.code, self.cuda = code, cuda

    def cuDriverGetVersion(self, version) -> int:  # noqa: N802 - its name
        version._obj.value = self.cuda
        return 0

    def cuInit(self, flags: int) -> int:  # noqa: N802 - its name
        return self.code


@pytest.mark.parametrize(
    ("built", "hidden", "opens", "reason"),
    [
        (False, None, {}, "has no code for GPUs"),
        (True, "-1", {}, "CUDA_VISIBLE_DEVICES=-1 hides"),
        (True, "", {}, "CUDA_VISIBLE_DEVICES= hides"),
        (True, "none,0", {}, "CUDA_VISIBLE_DEVICES=none,0 hides"),
        (True, "MIG-1a2b,GPU-3c", {}, "--gpus all, apptainer with --nv"),
        (True, None, {"libcuda.so.1": Driver(0, cuda=11040)}, "supports CUDA 11.4 only; update"),
        (True, None, {}, "--gpus all, apptainer with --nv"),
        (True, None, {"libcuda.so.1": Driver(100)}, "finds no GPU (cuInit: error 100)"),
        (True, "7", {"libcuda.so.1": Driver(100)}, "no GPU among CUDA_VISIBLE_DEVICES=7 (cuInit"),
        (True, None, {"libcuda.so.1": Driver(0)}, "missing: libcudart.so.12, libcublas"),
        (
            True,
            None,
            {"libcuda.so.1": Driver(0), **dict.fromkeys(doctor.CUDA_LIBRARIES)},
            "NUCSEG_DEBUG=1",
        ),
    ],
)
def test_doctor_says_why_there_is_no_gpu(built, hidden, opens, reason, monkeypatch):
    import tensorflow as tf

    def load(name):
        if name not in opens:
            raise OSError(name)
        return opens[name]

    monkeypatch.setattr(tf.test, "is_built_with_cuda", lambda: built)
    monkeypatch.setattr(doctor.ctypes, "CDLL", load)
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if hidden is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert reason in doctor.why_no_gpu()


def test_cuda_libraries_are_found_in_nvidias_packages(monkeypatch, tmp_path):
    library = tmp_path / "cudnn" / "lib" / "libcudnn.so.9"
    library.parent.mkdir(parents=True)
    library.touch()
    spec = type("Spec", (), {"submodule_search_locations": [str(tmp_path)]})()
    monkeypatch.setattr(doctor, "find_spec", lambda name: spec)
    assert doctor._is_loadable("libcudnn.so.9")
    assert not doctor._is_loadable("libnothing.so.9")
