from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nucseg_tf.errors import DataError, MemoryLimitError
from nucseg_tf.inference.runner import Line, Outcome, run
from nucseg_tf.inference.stages.values import Written

FILES = [Path(name) for name in ("a.tif", "b.tif", "c.tif")]


def length(file: Path) -> int:
    if file.stem == "b":
        raise DataError("b.tif: is no image")
    return len(file.name)


def test_values_pass_from_stage_to_stage_in_the_order_of_the_files():
    ways = list(run(FILES, [length, lambda number: number + 1]))
    assert [way.item for way in ways] == FILES
    assert [way.value for way in ways] == [6, None, 6]
    assert [way.reason for way in ways] == ["", "b.tif: is no image", ""]
    assert all(way.seconds >= 0 for way in ways)


def test_several_at_once_come_back_in_order_with_their_errors():
    together = threading.Barrier(2, timeout=20)

    def slow(file: Path) -> int:
        together.wait()  # two images are on their way, or this breaks
        time.sleep({"a": 0.2}.get(file.stem, 0))
        return length(file)

    files = [*FILES, Path("d.tif")]
    ways = list(Line(files, [slow], workers=2))
    assert [way.item for way in ways] == files
    assert [way.reason for way in ways] == ["", "b.tif: is no image", "", ""]


def test_no_more_than_the_workers_are_on_their_way():
    on_way, most, lock = 0, 0, threading.Lock()

    def count(file: Path) -> Path:
        nonlocal on_way, most
        with lock:
            on_way += 1
            most = max(most, on_way)
        time.sleep(0.01)
        with lock:
            on_way -= 1
        return file

    begun = []
    line = Line((begun.append(n) or Path(f"{n}.tif") for n in range(20)), [count], workers=3)
    first = next(iter(line))
    assert first.item == Path("0.tif")
    assert len(begun) <= 5  # those under way, and the next one
    assert 1 < most <= 3


def test_once_stopped_what_was_begun_is_finished():
    seen = []
    line = Line([Path(f"{n}.tif") for n in range(20)], [lambda f: seen.append(f) or f], workers=2)
    ways = []
    for way in line:
        ways.append(way)
        line.stop()
    assert [way.item for way in ways] == sorted(seen, key=lambda f: int(f.stem))
    assert 1 <= len(ways) <= 4


def test_an_error_that_was_not_foreseen_is_named_with_its_kind():
    (way,) = run(FILES[:1], [lambda file: 1 / 0])
    assert way.reason == "ZeroDivisionError('division by zero')"


def test_nothing_is_read_ahead_of_the_caller():
    seen = []
    ways = run(FILES, [seen.append])
    next(ways)
    assert seen == FILES[:1]


def test_an_outcome_notes_what_was_done_and_logs_what_failed(caplog):
    def written(file: Path) -> Written:
        length(file)
        return Written((4, 5), pd.DataFrame({"label": np.arange(3)}))

    outcome = Outcome()
    with caplog.at_level(logging.ERROR):
        for way in run(FILES, [written]):
            outcome.note(way, f"plate/{way.item.name}")
    assert [entry["image"] for entry in outcome.done] == ["plate/a.tif", "plate/c.tif"]
    assert {key: outcome.done[0][key] for key in ("height", "width", "nuclei")} == {
        "height": 4, "width": 5, "nuclei": 3
    }  # fmt: skip
    assert outcome.failures == [(FILES[1], "b.tif: is no image")]
    assert caplog.text.count("b.tif") == 1  # the message names the file already


def test_images_on_their_way_go_no_further_when_the_caller_leaves():
    begun, go_on, ended = threading.Barrier(3, timeout=20), threading.Event(), []

    def first(file: Path) -> Path:
        if file.stem != "a":
            begun.wait()
            go_on.wait(20)
        return file

    line = iter(Line(FILES, [first, ended.append], workers=2))
    assert next(line).item == FILES[0]
    begun.wait()
    threading.Timer(0.2, go_on.set).start()
    line.close()
    assert ended == FILES[:1]


def test_an_image_without_memory_beside_others_is_done_again_alone(caplog):
    on_way, lock, begun = 0, threading.Lock(), []

    def large(file: Path) -> str:
        nonlocal on_way
        with lock:
            on_way += 1
            others = on_way - 1
            begun.append((file.stem, others))
        try:
            time.sleep(0.02)
            if others and file.stem != "0":
                raise MemoryError("Unable to allocate 3 GiB")
            return file.stem
        finally:
            with lock:
                on_way -= 1

    files = [Path(f"{n}.tif") for n in range(8)]
    ways = list(Line(files, [large], workers=3))
    assert [way.value for way in ways] == [file.stem for file in files]
    assert not any(way.error for way in ways)
    assert "again, and from now on one image after another" in caplog.text
    assert begun[-1] == ("7", 0)


def test_an_image_without_memory_even_alone_fails_and_others_are_done():
    def large(file: Path) -> str:
        if file.stem == "b":
            raise RuntimeError("Exception from x.cpp:1:\nstd::bad_alloc")
        return file.stem

    for workers in (1, 2):
        ways = list(Line(FILES, [large], workers=workers))
        assert [way.value for way in ways] == ["a", None, "c"]
        assert isinstance(ways[1].error, MemoryLimitError)
        assert "b.tif: out of memory (std::bad_alloc)" in ways[1].reason
        assert "--tile" in ways[1].reason


def test_no_memory_for_threads_ends_the_run(monkeypatch):
    def refuse(self, *_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(MemoryLimitError, match=r"a\.tif: out of memory"):
        list(Line(FILES, [length], workers=2))
