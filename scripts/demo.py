"""Predicts a real microscope image that comes with mahotas, and says where the results are."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from nucseg_tf.__main__ import main as nucseg

OUT = Path("demo_output")


def main() -> int:
    """Run `nucseg predict`; returns its exit code."""
    spec = find_spec("mahotas")
    if spec is None or spec.origin is None:
        sys.exit("the image of the demo comes with mahotas: pip install 'nucseg-tf[demo]'")
    image = Path(spec.origin).parent / "demos" / "data" / "nuclear.png"
    command = ["predict", str(image), "--out", str(OUT), "--overlay", "--rois", "--geojson"]
    print(f"nucseg {' '.join(command)}", flush=True)
    code = nucseg(command)
    if code == 0:
        print(f"{len(pd.read_csv(OUT / 'objects.csv'))} nuclei found")
        print(f"label image  {OUT / 'nuclear_labels.tif'}")
        print(f"table        {OUT / 'objects.csv'}")
        print(f"overlay      {OUT / 'nuclear_overlay.png'}")
        print(f"ImageJ ROIs  {OUT / 'nuclear_rois.zip'}")
        print(f"QuPath       {OUT / 'nuclear.geojson'}")
    return code


if __name__ == "__main__":
    sys.exit(main())
