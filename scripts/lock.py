"""Writes requirements.txt and requirements-dev.txt from what is installed: `make lock`.

Both hold the exact version of everything that pyproject.toml asks for, directly or not.
"""

from __future__ import annotations

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


def main() -> None:
    """Write both files."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runtime = closure(project["dependencies"])
    dev = closure(project["optional-dependencies"]["dev"] + STUBS)
    pins = [f"{name}=={version}\n" for name, version in sorted(runtime.items())]
    head = HEADER.format(what="Everything needed to run nucseg_tf")
    (ROOT / "requirements.txt").write_text(head + "".join(pins))
    pins = [f"{name}=={version}\n" for name, version in sorted(dev.items()) if name not in runtime]
    head = HEADER.format(what="Everything needed to work on nucseg_tf")
    text = head + "-r requirements.txt\n" + "".join(pins)
    (ROOT / "requirements-dev.txt").write_text(text)


if __name__ == "__main__":
    main()
