"""What the pages of the documentation hold: code, commands, links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
BESIDE = ("README.md", "SECURITY.md", "CONTRIBUTING.md", "workflow/config/README.md")
PAGES = [ROOT / name for name in BESIDE] + sorted((ROOT / "docs").rglob("*.md"))
FENCE = re.compile(r"^( *)```([^\n`]*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
PROGRAM = re.compile(  # nucseg, also in a container or where a job begins, and one of its commands
    r"(?:^|(?<=[\s\"'(]))(?:nucseg(?:_gpu)?|nucseg-tf:(?:cpu|gpu)|\S+\.sif)\s+(?=[a-z]+(?:\s|$))(.*)"
)
ENDS = re.compile(r"&&|\|\||[;|>&\"]|\s#")  # of a command, for a shell


class Command(NamedTuple):
    """A command line of nucseg, and whether all of it stands there: in a block, not in a text."""

    words: str
    whole: bool


def name_of(page: Path) -> str:
    """Of a page, in the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks(text: str, *languages: str) -> list[str]:
    """Blocks of code in one of the languages ("" for none), without their indentation."""
    found = [(match[2].strip(), match[1], match[3]) for match in FENCE.finditer(text)]
    return [
        re.sub(f"^{indent}", "", code, flags=re.MULTILINE)
        for language, indent, code in found
        if language in languages
    ]


def spans(text: str) -> list[str]:
    """What stands between backticks in the text, on one line each."""
    plain = re.sub(r"^(?: {4}|\t).*$", "", FENCE.sub("", text), flags=re.MULTILINE)
    return [re.sub(r"\s+", " ", span) for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", plain)]


def shell_lines(text: str) -> list[str]:
    """Lines of blocks for a shell, also of those that four spaces mark, joined where they go on."""
    joined = re.sub(r"\\\n\s*", " ", text)
    indented = re.findall(r"^ {4}(nucseg .*)$", FENCE.sub("", joined), re.MULTILINE)
    code = blocks(joined, "", "sh", "bash", "console")
    return "\n".join([*code, *indented]).splitlines()


def commands(text: str) -> list[Command]:
    """The command lines of nucseg in a page."""
    found = []
    for lines, whole in ((shell_lines(text), True), (spans(text), False)):
        for line in lines:
            if match := PROGRAM.search(line):
                said = re.sub(r'"[^"]*"', "1/2", match[1])  # what a shell works out: parts of runs
                quoted = re.sub(r"'[^']*'", lambda part: ENDS.sub("_", part[0]), said)
                found.append(Command(ENDS.split(quoted)[0].strip(), whole))
    return found


def links(text: str) -> list[str]:
    """Where links and pictures lead to, without those into the web."""
    found = re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text))
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors(text: str) -> set[str]:
    """What code hosts call the headings."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", title.lower()) for title in titles)
    return {title.strip().replace(" ", "-") for title in plain}


def make_targets(text: str) -> set[str]:
    """Targets that `make` is called with in a page."""
    found: set[str] = set()
    for line in [*shell_lines(text), *spans(text)]:
        said = line.partition("#")[0]
        if match := re.match(r"(?:[A-Z_]+=\S+ )*make((?: +[a-z][a-z-]*)+)", said):
            found |= set(match[1].split())
    return found
