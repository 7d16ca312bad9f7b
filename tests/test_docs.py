"""Pages name only what there is: files, pictures, commands with their options, buttons; and what
they show of Python runs. `make docs` looks at the rest."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Callable

import pytest
import tifffile
from reference.drawn import drawn_discs
from reference.pages import (
    PAGES,
    ROOT,
    anchors,
    blocks,
    commands,
    links,
    make_targets,
    name_of,
    spans,
)

from nucseg_tf.__main__ import main
from nucseg_tf.commands.arguments import check
from nucseg_tf.commands.table import Commands
from nucseg_tf.config import make_config
from nucseg_tf.errors import UsageError
from nucseg_tf.inference.measure import measure
from nucseg_tf.io.labels import split_pieces
from nucseg_tf.schema import from_yaml

STATIC = ROOT / "nucseg_tf" / "annotation" / "editor" / "static"
MOST_BYTES = 200_000  # of a picture
EVERYWHERE = {"--help": [], "--debug": [], "--require-gpu": ["--device=gpu"]}  # see `__main__`
OPEN = (" is missing", ", found none", " expects a value")  # ends of what is said of half a command
TEXTS = {name_of(page): page.read_text(encoding="utf-8") for page in PAGES}
every_page = pytest.mark.parametrize("name", TEXTS)


def trouble(command: Callable, arguments: list[str], whole: bool) -> str:
    """What the command would say of its arguments; of half a line not that something is missing."""
    try:
        check(command, arguments)
    except UsageError as error:
        return "" if not whole and str(error).endswith(OPEN) else str(error)
    return ""


@every_page
def test_commands_and_their_options_exist(name):
    for words, whole in commands(TEXTS[name]):
        first, *rest = shlex.split(words)
        found = getattr(Commands, first)
        if not callable(found) and (rest or whole):  # a command with commands of its own
            found = getattr(found, rest.pop(0))
        if callable(found):
            rest = [part for word in rest for part in EVERYWHERE.get(word, [word])]
            assert not trouble(found, rest, whole), words


def test_there_are_commands():
    named = {words.split()[0] for text in TEXTS.values() for words, _ in commands(text)}
    assert named == {name for name in vars(Commands) if not name.startswith("_")}


@every_page
def test_links_lead_to_files_and_headings(name):
    page = ROOT / name
    for link in links(TEXTS[name]):
        where, _, heading = link.partition("#")
        target = page.parent / where if where else page
        assert target.is_file(), link
        assert not heading or heading in anchors(target.read_text(encoding="utf-8")), link


@every_page
def test_files_that_are_named_exist(name):
    kind = (
        r"(?:docs|scripts|tests|nucseg_tf|configs|docker|workflow)/[\w/.-]+\.(?:md|py|sh|yaml|png)"
    )
    for span in spans(TEXTS[name]):
        if re.fullmatch(kind, span):
            assert (ROOT / span).is_file() or (ROOT / "workflow" / span).is_file(), span


@every_page
def test_make_targets_exist(name):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in make_targets(TEXTS[name]):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_each_picture_is_shown_and_small():
    there = {
        path
        for path in (ROOT / "docs").rglob("*")
        if path.suffix in (".png", ".jpg", ".svg", ".gif")
    }
    shown = {
        (ROOT / name).parent.joinpath(link).resolve()
        for name, text in TEXTS.items()
        for link in links(text)
    }
    assert there <= shown, there - shown
    for path in there:
        assert path.stat().st_size <= MOST_BYTES, path


def test_what_is_bold_in_the_tutorial_is_written_in_the_page():
    page = "\n".join(path.read_text(encoding="utf-8") for path in STATIC.iterdir())
    bold = re.findall(r"\*\*([^*]+)\*\*", TEXTS["docs/tutorial.md"])
    assert bold
    for words in bold:
        assert words in page, words


# That of napari.md opens a window of napari, which has an environment of its own.
@pytest.mark.parametrize(
    "name",
    [n for n in TEXTS if blocks(TEXTS[n], "python") and n != "docs/napari.md"],
)
def test_examples_in_python_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    image = drawn_discs(0)
    tifffile.imwrite("image.tif", image)
    if "AssayPlate" in TEXTS[name]:
        plate = ["--plate", "1x5", "--fields", "2", "--channels", "1", "--size", "64x64"]
        assert main(["simulate", *plate, "--out", "AssayPlate"]) == 0
    labels = split_pieces(image > image.mean())
    table = measure(labels)
    given = {  # what examples take for granted
        "image": image,
        "planes": [labels, labels],
        "centroids": [table[["centroid_row", "centroid_col"]].to_numpy()] * 2,
        "areas": [table["area_px"].to_numpy()] * 2,
    }
    for code in blocks(TEXTS[name], "python"):
        exec(compile(code, name, "exec"), given)


@pytest.mark.parametrize("name", [name for name in TEXTS if blocks(TEXTS[name], "yaml")])
def test_policies_are_read(name):
    for text in blocks(TEXTS[name], "yaml"):
        make_config({"augment": from_yaml(text)})


def test_what_is_cited_is_this_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = from_yaml((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
    assert {*citation["authors"][0]} == {"name"}  # no person is named who did not ask for it
