"""Runs a package's test in bioimageio.core: `python run_package.py PACKAGE.zip`, where it is.

Prints how far the maps are from the answer in the package, which is what Keras gave of the field as
it is: without a halo, and of blocks, mirrored at the edges. Fails where those without differ.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import numpy as np
from bioimageio.core import create_prediction_pipeline
from bioimageio.core.digest_spec import get_test_input_sample
from bioimageio.spec import load_model_description

TOLERANCE = 1e-4  # of maps in [0, 1]


def largest_differences(package: Path) -> dict[str, float]:
    """By how maps (1, H, W, K) were computed, the largest difference from the answer."""
    model = load_model_description(package, perform_io_checks=True)
    with zipfile.ZipFile(package) as archive, archive.open("test_output.npy") as file:
        answer = np.load(file)
    found = {}
    with create_prediction_pipeline(model) as pipeline:
        plain = pipeline.predict_sample_without_blocking(
            get_test_input_sample(model), skip_input_padding=True, skip_output_cropping=True
        )
        blocks = pipeline.predict_sample_with_blocking(
            get_test_input_sample(model), ns={("image", axis): 0 for axis in "yx"}
        )
    for name, sample in (("whole", plain), ("blocks", blocks)):
        maps = sample.members["maps"].data.to_numpy()
        found[name] = float(np.abs(maps - answer).max())
    return found


def main() -> None:
    """Print the differences of the package that is named."""
    found = largest_differences(Path(sys.argv[1]))
    for name, difference in found.items():
        note = ", where their edges are mirrored" if name == "blocks" else ""
        print(f"{name}: largest difference from Keras {difference:.2g}{note}")
    if not found["whole"] <= TOLERANCE:
        sys.exit(f"{sys.argv[1]}: differs by more than {TOLERANCE:g}")


if __name__ == "__main__":
    main()
