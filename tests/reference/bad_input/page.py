"""Writes docs/reliability/bad_input.md and the tables of exit codes from the cases.

python tests/reference/bad_input/page.py runs all cases, counts those that pass, and writes.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from reference import odd_files  # noqa: E402
from reference.bad_input import (  # noqa: E402
    arguments,
    case,
    configs,
    images,
    manifests,
    masks,
    models,
    plates,
    requests,
)

from nucseg_tf.errors import EXIT_CODES  # noqa: E402

DOCS = ROOT / "docs"
PAGE = DOCS / "reliability" / "bad_input.md"
CODES_PAGES = (DOCS / "exit_codes.md", ROOT / "README.md")
COMMANDS = {
    "Images: `nucseg predict in`, beside a good one": images.GROUPS,
    "Masks and predictions": masks.GROUPS,
    "Data sets": manifests.GROUPS,
    "Configurations": configs.GROUPS,
    "Models": models.GROUPS,
    "Plates and results": plates.GROUPS,
    "Arguments": arguments.GROUPS,
}
GROUPED = ("models", "loop")  # commands that have commands of their own
TABLES = ("cases", "codes", "commands")


def cases() -> list[case.Case]:
    """All commands."""
    return [one for groups in COMMANDS.values() for group in groups.values() for one in group]


def asks() -> list[requests.Ask]:
    """All requests."""
    return [one for group in requests.GROUPS.values() for one in group]


def command_of(argv: str) -> str:
    """`predict`, or `models info`."""
    words = argv.split()
    return " ".join(words[: 2 if words[0] in GROUPED else 1])


def cases_table(passed: int) -> str:
    """All cases, for the page.

    Args:
        passed: how many did what they must.
    """
    total, odd = len(cases()) + len(asks()), len(odd_files.IMAGES) + len(odd_files.LABELS)
    lines = [
        f"**{total} cases, {passed} passed**; {len(cases())} are commands, and {len(asks())} are",
        f"requests to the annotation page. {odd} more are files that are easily read wrongly, in",
        "[odd_files.md](odd_files.md).",
    ]
    for title, groups in COMMANDS.items():
        for name, group in groups.items():
            lines += ["", f"## {title}: {name}" if title != name else f"## {name}", ""]
            lines += ["| Given | Command | Code | It says |", "|---|---|---|---|"]
            lines += [_row(one.what, f"`{one.argv}`", one.code, one.says) for one in group]
    for name, asked in requests.GROUPS.items():
        lines += ["", f"## Requests to the annotation page: {name}", ""]
        lines += ["| Sent | To | Status | It says |", "|---|---|---|---|"]
        lines += [_row(a.what, f"`{a.method} {a.path}`", a.status, a.says) for a in asked]
    return "\n".join(lines)


def _row(what: str, asked: str, code: int, says: tuple[str, ...]) -> str:
    told = " ... ".join(f"`{words}`" for words in says)
    cells = (what, asked, str(code), told)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def codes_table() -> str:
    """What each exit code means."""
    rows = (f"| {int(code)} | {text} |" for code, text in EXIT_CODES.items())
    return "\n".join(["| Code | Meaning |", "|---|---|", *rows])


def commands_table() -> str:
    """How many cases end each command with each code."""
    counts = Counter((command_of(one.argv), one.code) for one in cases())
    names = sorted({name for name, _ in counts})
    lines = ["| Command | 0 | 1 | 2 | 3 |", "|---|---|---|---|---|"]
    for name in names:
        cells = [str(counts[name, code] or "") for code in range(4)]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def with_tables(page: str, passed: int) -> str:
    """A page with its tables as they are now.

    Args:
        page: its text, with marks where tables are.
        passed: see `cases_table`.
    """
    tables = {"cases": cases_table(passed), "codes": codes_table(), "commands": commands_table()}
    for name in TABLES:
        begin = f"<!-- {name}: written by tests/reference/bad_input/page.py -->"
        end = f"<!-- end of {name} -->"
        between = re.escape(begin) + ".*" + re.escape(end)
        text = f"{begin}\n\n{tables[name]}\n\n{end}"
        page = re.sub(between, lambda _, text=text: text, page, flags=re.DOTALL)
    return page


def failing() -> Iterator[str]:
    """What does not do what it must, and why."""
    for one in cases():
        with tempfile.TemporaryDirectory() as folder:
            try:
                case.check(one, Path(folder))
            except AssertionError as error:
                yield f"{one.argv}: {one.what}: {error}"
    with tempfile.TemporaryDirectory() as folder, requests.server(Path(folder)) as clients:
        for ask in asks():
            try:
                requests.check(ask, clients, Path(folder))
            except AssertionError as error:
                yield f"{ask.path}: {ask.what}: {error}"


if __name__ == "__main__":
    wrong = list(failing())
    print(*wrong, sep="\n", file=sys.stderr)
    for file in (PAGE, *CODES_PAGES):
        text = with_tables(
            file.read_text(encoding="utf-8"), len(cases()) + len(asks()) - len(wrong)
        )
        temporary = file.with_suffix(".new")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(file)
    sys.exit(bool(wrong))
