"""Killed at each write of edits and acceptances: all that was answered is there."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from reference.drawn import drawn_nuclei
from reference.killing import killed_copies

from nucseg_tf.annotation.editor.message import Message
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.editor.session import Session
from nucseg_tf.annotation.editor.shelf import sha256
from nucseg_tf.annotation.editor.shown import numbers_of
from nucseg_tf.annotation.editor.store import Store
from nucseg_tf.annotation.loop.leftovers import sweep
from nucseg_tf.data.regions import read_regions
from nucseg_tf.io.labels import read_labels

STEPS = (
    *("delete 4", "accept", "reopen", "undo", "region", "accept"),
    *("reopen", "no region", "delete 1", "accept"),
)
MOST = 125  # more than all these write
KILL = """
    import os, signal, sys
    from pathlib import Path
    sys.path[:0] = {path!r}
    import cv2, scipy.ndimage  # before the forks: each would do it
    import test_killed_saves as t
    log, fsync, replace, unlink, write = os.open, os.fsync, Path.replace, Path.unlink, os.write
    for folder in map(Path, sys.argv[1:]):
        child = os.fork()
        if not child:
            count = [0]
            answers = log(folder / "answered", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            def dying(call):
                def step(*arguments, **options):
                    count[0] += 1
                    if count[0] == int(folder.name):
                        if call is write:  # a torn line
                            write(arguments[0], arguments[1][: len(arguments[1]) // 2])
                        os.kill(os.getpid(), signal.SIGKILL)
                    return call(*arguments, **options)
                return step
            os.fsync, os.write = dying(fsync), dying(write)
            Path.replace, Path.unlink = dying(replace), dying(unlink)
            session = t.opened(folder)
            for number in range(len(t.STEPS)):
                t.do(session, number)
                write(answers, b"%d\\n" % number)
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def opened(folder: Path) -> Session:
    field = open_project(folder).fields["a"]
    return Session(Store(field, read_labels(field.prelabels).shape))


def do(session: Session, number: int) -> None:
    """A step; one that is done already is not done again."""
    word, *labels = STEPS[number].split()
    if word in ("accept", "reopen"):
        session.accept("me", None) if word == "accept" else session.reopen("me")
        return
    options = {"labels": [int(labels[0])]} if word == "delete" else {}
    options |= {"boxes": [[0, 0, 40, 40]]} if word == "region" else {}
    tool = "region" if "region" in STEPS[number] else word
    revision = session.store.revision
    session.edit(Message(id=f"step-{number:04d}", revision=revision, tool=tool, **options), "me")


@pytest.fixture
def folder(tmp_path) -> Path:
    """Field a with prelabels."""
    image, labels = drawn_nuclei()
    for place in ("images", "prelabels"):
        (tmp_path / place).mkdir()
    tifffile.imwrite(tmp_path / "images" / "a.tif", image)
    tifffile.imwrite(tmp_path / "prelabels" / "a_labels.tif", labels.astype(np.uint16))
    return tmp_path


def told(folder: Path) -> list[dict]:
    """Whole entries of the journal, without times and snapshots."""
    content = (folder / "annotation" / "a" / "journal.jsonl").read_bytes()
    entries = [json.loads(line) for line in content[: content.rfind(b"\n") + 1].splitlines()]
    kept = ("type", "id", "tool", "box", "after", "regions", "sha256", "nuclei")
    return [
        {key: entry[key] for key in kept if key in entry}
        for entry in entries
        if entry["type"] != "snapshot"
    ]


def masks(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "masks").iterdir()}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_any_write_nothing_that_was_answered_is_lost(folder, tmp_path_factory):
    parent = tmp_path_factory.mktemp("kill")
    *killed, undisturbed = killed_copies(KILL, folder, parent, MOST, Path(__file__).parent)
    assert len(killed) > 3 * len(STEPS)
    expected, wanted = told(undisturbed), masks(undisturbed)
    whole = [entry["sha256"] for entry in expected if entry["type"] == "accept"]
    for copy in killed:
        answers = len((copy / "answered").read_text().split())
        check_mask(copy, whole)
        project = open_project(copy)
        sweep(project)
        assert not [path for path in copy.rglob(".*") if path.is_file()]
        session = opened(copy)
        if answers:
            made = [e for e in told(copy) if e["type"] != "begin"]
            assert len(made) in (answers, answers + 1)  # the last one may not have been answered
            assert made == expected[1 : 1 + len(made)]
        for number in range(answers, len(STEPS)):
            done = STEPS[number] == "accept" and numbers_of(session.store)["status"] == "accepted"
            if not (number == answers and done):  # else it was done, but not answered
                do(session, number)
        session.close()
        assert told(copy) == expected
        assert masks(copy) == wanted


def check_mask(folder: Path, whole: list[str]) -> None:
    """A mask is one that was accepted, and not more of it is known than was said."""
    mask = folder / "masks" / "a.tif"
    if not mask.exists():
        return
    place = whole.index(sha256(mask))
    if place == 1:
        assert read_regions(mask) == ((0, 0, 40, 40),)
