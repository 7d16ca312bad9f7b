"""Two servers and one folder."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nucseg_tf.annotation.editor.folder_lock import locked


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no flock")
def test_a_second_server_on_a_folder_is_refused(project):
    code = (
        "import sys, pathlib; from nucseg_tf.annotation.editor import folder_lock, project\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "with folder_lock.locked(project.open_project(folder)): pass"
    )
    command = [sys.executable, "-c", code, str(project.folder)]
    with locked(project):
        second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "another `nucseg annotate`" in second.stderr
    subprocess.run(command, check=True)
