"""What nucseg_tf is built on: are there known vulnerabilities, and under which licences is it?

    make audit

Licences of all packages in requirements.txt, which is what a container image holds, are read from
what is installed, without a network. For vulnerabilities pip-audit asks PyPI about each version in
the locks; it needs a network, and says "no known vulnerabilities" where it reached nothing, so each
package that it has not been told about counts here.

Exit codes: 0 nothing found; 1 a vulnerability, or a licence that is not allowed; 2 not audited.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-cuda.txt")
PIP_AUDIT = "pip-audit==2.10.1"
PIN = re.compile(r"([A-Za-z0-9._-]+)==([^\s;]+)")
ALLOWED = re.compile(
    r"\b(BSD|MIT|Apache|ISC|PSF|Python Software Foundation|Python-2\.0|HPND|CNRI|Zlib|Unlicense|"
    r"Public Domain|CC0|0BSD|MPL|Mozilla Public License|zlib)",
    re.IGNORECASE,
)
STRICT = re.compile(r"\b(A?GPL|GNU (Affero )?General Public)", re.IGNORECASE)
KNOWN = {"namex": "Apache-2.0"}  # by its LICENSE file; its metadata say nothing


def pins(lock: Path) -> dict[str, str]:
    """Packages of a lock, and the version of each.

    Raises:
        ValueError: a line that does not say one version.
    """
    found: dict[str, str] = {}
    for line in lock.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith(("#", "-r ")):
            continue
        match = PIN.fullmatch(line.strip())
        if not match:
            raise ValueError(f"{lock.name}: {line!r} does not say one version")
        found[match[1]] = match[2]
    return found


def licence(package: str) -> str:
    """What a package says of its licence; "" if nothing, or if it is not installed."""
    if package in KNOWN:
        return KNOWN[package]
    try:
        said = distribution(package).metadata
    except PackageNotFoundError:
        return ""
    classifiers = said.get_all("Classifier") or []
    short = [text.rpartition(" :: ")[2] for text in classifiers if text.startswith("License ::")]
    first = (said.get("License") or "").strip().splitlines()[:1]
    return said.get("License-Expression") or "; ".join(short) or "".join(first)


def is_allowed(text: str) -> bool:
    """Whether a licence may be shipped; of several to choose from, one is enough."""
    choices = re.split(r"\bOR\b", text)
    return any(ALLOWED.search(one) and not STRICT.search(one) for one in choices)


def check_licences() -> int:
    """Print the licences of what an image holds; gives how many may not be shipped."""
    refused = 0
    for package in pins(ROOT / LOCKS[0]):
        said = licence(package)
        allowed = is_allowed(said)
        refused += not allowed
        print(f"{'' if allowed else 'NOT ALLOWED: '}{package}: {said or 'unknown'}")
    return refused


def check_vulnerabilities() -> int:
    """Ask about all locks; gives the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder, "bin", "python")
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [python, "-m", "pip", "install", "--quiet", PIP_AUDIT]
        if subprocess.run(install).returncode:
            print("NOT AUDITED: pip-audit cannot be installed; is there a network?")
            return 2
        return max(_ask(python, lock, Path(folder, "audit.json")) for lock in LOCKS)


def _ask(python: Path, lock: str, answer: Path) -> int:
    wanted = "".join(f"{name}=={version}\n" for name, version in pins(ROOT / lock).items())
    flat = answer.with_suffix(".txt")  # without "-r", which would be asked about twice
    flat.write_text(wanted, encoding="utf-8")
    answer.unlink(missing_ok=True)
    command = [python, "-m", "pip_audit", "--requirement", flat, "--no-deps", "--disable-pip"]
    command += ["--format", "json", "--output", answer, "--progress-spinner", "off"]
    subprocess.run(command, stderr=subprocess.DEVNULL)
    return report(lock, answer.read_text(encoding="utf-8") if answer.exists() else "")


def report(lock: str, answer: str) -> int:
    """Print what pip-audit found; gives the exit code.

    Args:
        lock: name of the file.
        answer: JSON of pip-audit; "" where there was none.
    """
    packages = json.loads(answer)["dependencies"] if answer else []
    missed = [package for package in packages if "skip_reason" in package]
    if missed or not packages:
        print(
            f"{lock}: NOT AUDITED: PyPI gave no answer about {len(missed) or 'all'} packages. Try "
            "again where https://pypi.org can be reached."
        )
        return 2
    found = [(package, each) for package in packages for each in package["vulns"]]
    for package, each in found:
        fixed = ", ".join(each["fix_versions"]) or "no version yet"
        print(f"{lock}: {package['name']} {package['version']}: {each['id']}, mended in {fixed}")
    print(f"{lock}: {len(packages)} packages audited, {len(found)} known vulnerabilities")
    return int(bool(found))


def main() -> int:
    """Check what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--licences", action="store_true", help="only licences, without a network")
    options = parser.parse_args()
    refused = check_licences()
    found = 0 if options.licences else check_vulnerabilities()
    return max(int(bool(refused)), found)


if __name__ == "__main__":
    sys.exit(main())
