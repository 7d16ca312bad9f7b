"""`nucseg doctor`."""

from __future__ import annotations

import contextlib

from nucseg_tf.engines.tensorflow import load_tensorflow
from nucseg_tf.errors import NucsegError


def doctor() -> str | None:
    """Show versions, hardware, and whether the models are intact."""
    from nucseg_tf.doctor import examine

    with contextlib.suppress(ImportError):  # examine says so
        load_tensorflow()
    text, problems = examine()
    if problems:
        print(text)
        raise NucsegError("; ".join(problems))
    return text
