"""Two runs and one folder."""

import multiprocessing

import pytest

from nucseg_tf.errors import BusyError, OutputError
from nucseg_tf.inference.folder_lock import only_run_in


def _try(folder, answers):
    try:
        with only_run_in(folder):
            answers.put("in")
    except OutputError as error:
        answers.put(str(error))


def test_one_run_at_a_time(tmp_path):
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    with only_run_in(tmp_path):
        other = context.Process(target=_try, args=(tmp_path, answers))
        other.start()
        assert "another run writes its results here" in answers.get(timeout=60)
        other.join()
        with pytest.raises(BusyError, match="another run"), only_run_in(tmp_path, "-1of2"):
            pass
    with only_run_in(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_parts_side_by_side_but_no_whole_run_beside_them(tmp_path):
    with only_run_in(tmp_path, "-1of2"), only_run_in(tmp_path, "-2of2"):
        with pytest.raises(BusyError, match=r"process \d+ on .*, since "), only_run_in(tmp_path):
            pass
        with pytest.raises(BusyError), only_run_in(tmp_path, "-2of2"):
            pass
    assert not list(tmp_path.iterdir())
