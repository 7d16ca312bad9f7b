"""nucseg_tf: finds every cell nucleus in fluorescence microscope images."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nucseg_tf.inference.segmenter import Segmenter, load_model

__all__ = ["Segmenter", "__version__", "load_model"]

try:
    __version__ = version("nucseg-tf")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0.0.0"


def __getattr__(name: str) -> Any:
    # TensorFlow takes seconds to import; `nucseg --help` should not wait for it.
    if name in ("load_model", "Segmenter"):
        from nucseg_tf.inference import segmenter

        return getattr(segmenter, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
