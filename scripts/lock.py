"""Writes requirements.txt and requirements-dev.txt from what is installed: `make lock`.

Both hold the exact version of everything that pyproject.toml asks for, directly or not.
requirements-cuda.txt adds NVIDIA's libraries, which take gigabytes: pip is asked which it would
install, and installs none.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
STUBS = ["types-PyYAML"]  # for mypy only; pip finds none of them needed
HEADER = """\
# {what}, in exact versions. Renewed by `make lock` from the
# environment in .venv; what is wanted, and why, stands in pyproject.toml.
"""


def closure(requirements: list[str]) -> dict[str, str]:
    """Name and installed version of requirements and of all they require."""
    found: dict[str, str] = {}
    waiting = [(Requirement(text), "") for text in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        package = distribution(name)
        if name not in found or requirement.extras:
            needed = [Requirement(text) for text in package.requires or []]
            waiting += [(new, option) for option in requirement.extras or {""} for new in needed]
        found[name] = package.version
    return found


def would_install(requirements: list[str], constraints: Path) -> dict[str, str]:
    """Name and version of what pip would install into an empty environment."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
    command += ["--report", "-", "--constraint", str(constraints), *requirements]
    report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    packages = [package["metadata"] for package in report["install"]]
    return {canonicalize_name(package["name"]): package["version"] for package in packages}


def write(name: str, what: str, found: dict[str, str], first: str = "") -> None:
    """Write one file."""
    pins = "".join(f"{package}=={version}\n" for package, version in sorted(found.items()))
    (ROOT / name).write_text(HEADER.format(what=what) + first + pins)


def main() -> None:
    """Write the files."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runtime = closure(project["dependencies"])
    extras = project["optional-dependencies"]
    dev = closure(extras["dev"] + STUBS)
    lock = "requirements.txt"
    write(lock, "Everything needed to run nucseg_tf", runtime)
    cuda = would_install(extras["cuda"], ROOT / lock)
    for name, what, found in (
        ("requirements-dev.txt", "Everything needed to work on nucseg_tf", dev),
        ("requirements-cuda.txt", "Everything that NVIDIA GPUs need", cuda),
    ):
        more = {package: found[package] for package in found if package not in runtime}
        write(name, what, more, f"-r {lock}\n")


if __name__ == "__main__":
    main()
