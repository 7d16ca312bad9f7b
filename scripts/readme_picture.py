"""Makes the picture at the top of README.md anew: `python scripts/readme_picture.py`.

Left a simulated field with the outlines that `nucseg predict --overlay` draws, right the page of
`nucseg annotate` on another field; all labels are those of the shipped model, which has seen no
simulated field. It takes a minute.
"""

from __future__ import annotations

import argparse
import io
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image
from tutorial_pictures import (
    PATIENCE,
    ROOT,
    Walk,
    browsing,
    draw_project,
    nucseg,
    save,
    serving,
)

LINE, FIELDS, SIDE = "U2OS", 4, 640  # px
CHOSEN = 20  # label of the nucleus
GAP = 12  # px, white, between the two halves


def overlay(image: Path, out: Path) -> Image.Image:
    """A field with the outlines of what was found."""
    command = nucseg("predict", str(image), "--out", str(out), "--overlay")
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return Image.open(out / f"{image.stem}_overlay.png")


def editor(folder: Path, truth: dict[str, np.ndarray]) -> Image.Image:
    """The page on the second field, with a nucleus chosen."""
    with serving(folder) as address, browsing(address) as page:
        walk = Walk(page, truth, folder)
        walk.wait(lambda: (walk.state or {}).get("predicting"))
        walk.wait(lambda: not walk.state["predicting"]["running"], PATIENCE)
        walk.open(walk.keys[1])
        walk.wait(lambda: page.evaluate("nucseg.view.labels.nuclei.size"))
        page.evaluate("(label) => nucseg.editor.select([label])", CHOSEN)
        page.mouse.move(720, 895)  # over nothing that reacts to it
        page.evaluate("document.getElementById('toasts').replaceChildren()")
        return Image.open(io.BytesIO(page.screenshot()))


def side_by_side(pictures: list[Image.Image], height: int) -> Image.Image:
    """Pictures from left to right, all of one height, on white."""
    sized = [
        picture.convert("RGB").resize(
            (round(picture.width * height / picture.height), height), Image.Resampling.LANCZOS
        )
        for picture in pictures
    ]
    width = sum(picture.width for picture in sized) + GAP * (len(sized) - 1)
    sheet = Image.new("RGB", (width, height), "white")
    left = 0
    for picture in sized:
        sheet.paste(picture, (left, 0))
        left += picture.width + GAP
    return sheet


def main() -> None:
    """Make it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "readme.jpg")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "readme")
    options = parser.parse_args()
    folder, truth = draw_project(options.work, FIELDS, f"{SIDE}x{SIDE}", LINE)
    found = overlay(min(folder.glob("*.tif")), options.work / "found")
    save(side_by_side([found, editor(folder, truth)], SIDE), options.out)


if __name__ == "__main__":
    main()
