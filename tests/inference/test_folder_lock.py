"""Two runs and one folder."""

import errno
import multiprocessing

import pytest

from nucseg_tf.errors import OutputError
from nucseg_tf.inference import folder_lock
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
        with only_run_in(tmp_path, "-1of2"):
            pass
    with only_run_in(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_where_there_are_no_locks(tmp_path, monkeypatch):
    def refuse(stream):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(folder_lock, "_take", refuse)
    with (
        pytest.raises(OutputError, match=r"gives no locks \(Function not implemented\)"),
        only_run_in(tmp_path),
    ):
        pass
