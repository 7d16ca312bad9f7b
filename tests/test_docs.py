"""The tutorial names only what there is: files, pictures, commands with their options, buttons."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from nucseg_tf.commands.arguments import check
from nucseg_tf.commands.table import Commands

ROOT = Path(__file__).parents[1]
TUTORIAL = ROOT / "docs" / "tutorial.md"
STATIC = ROOT / "nucseg_tf" / "annotation" / "editor" / "static"
MOST_BYTES = 150_000  # of a picture
TEXT = TUTORIAL.read_text(encoding="utf-8")


def commands(text: str) -> list[str]:
    """Command lines of `nucseg` in blocks of code, and between backticks."""
    blocks = re.findall(r"^```\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M))
    return [line for line in lines if line.startswith("nucseg ")]


@pytest.mark.parametrize("line", commands(TEXT))
def test_commands_and_their_options_exist(line):
    words = shlex.split(line, comments=True)[1:]
    found = getattr(Commands, words.pop(0))
    if not callable(found):  # a command with commands of its own
        found = getattr(found, words.pop(0))
    check(found, words)


def test_there_are_commands():
    assert {line.split()[1] for line in commands(TEXT)} >= {"annotate", "loop", "predict"}


def test_links_lead_to_files():
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert links
    for link in links:
        assert (TUTORIAL.parent / link).is_file(), link


def test_each_picture_is_shown_and_small():
    there = {path.name for path in (ROOT / "docs" / "tutorial").iterdir()}
    assert there == set(re.findall(r"\]\(tutorial/([^)]+)\)", TEXT))
    for path in (ROOT / "docs" / "tutorial").iterdir():
        assert path.stat().st_size <= MOST_BYTES, path


def test_what_is_bold_is_written_in_the_page():
    page = "\n".join(path.read_text(encoding="utf-8") for path in STATIC.iterdir())
    bold = re.findall(r"\*\*([^*]+)\*\*", TEXT)
    assert bold
    for words in bold:
        assert words in page, words


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"`make ([a-z-]+)`", TEXT)
    assert targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
