"""Work that is killed at each of its writes in turn."""

import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path


def killed_copies(script: str, folder: Path, parent: Path, most: int, home: Path) -> list[Path]:
    """Let a script work in copies of a folder, and kill it at the first write, the second, ...

    Args:
        script: program of Python; {path} becomes what it adds to sys.path. Works in the folders of
            its arguments, each called by the number of the write to be killed at, and prints how
            each ended.
        folder: that is copied.
        parent: where the copies go.
        most: how many.
        home: folder of the test.

    Returns:
        The copies; the last one's work was not killed. How many were killed is how many writes
        there are.
    """
    copies = [parent / str(point) for point in range(1, most + 1)]
    for copy in copies:
        shutil.copytree(folder, copy)
    paths = [str(home), str(Path(__file__).parents[1]), str(Path.cwd())]
    command = [sys.executable, "-c", textwrap.dedent(script.format(path=paths)), *map(str, copies)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    codes = [int(line) for line in done.stdout.split()]
    assert codes == sorted(codes)  # killed at every write, and then at none
    assert (codes[0], codes[-1]) == (-signal.SIGKILL, 0)
    return [copy for copy, code in zip(copies, codes, strict=True) if code] + copies[-1:]
