"""Makes docs/imagej.png: a real ImageJ with a simulated composite and what the macro brings back.

python scripts/imagej_picture.py OUT.png       # Debian: apt-get install imagej xvfb openbox
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from scipy import ndimage

from nucseg_tf.data.simulate import find_cell_lines, simulate_field

ROOT = Path(__file__).parents[1]
MACRO = ROOT / "nucseg_tf" / "integrations" / "imagej" / "Find_Nuclei.ijm"
JAR = "/usr/share/java/ij.jar"
DISPLAY, SIZE = ":78", (1180, 700)
LIMIT = 300  # s
COLOURS = 128
SHOWN = """
open("{folder}/cells.tif");
setLocation(10, 130);
for (c = 1; c <= 2; c++) {{ Stack.setChannel(c); resetMinAndMax(); }}
runMacro("{macro}", "program=[{folder}/nucseg] channel=2");
selectImage("cells.tif");
roiManager("select", 5);
selectImage("cells.tif labels");
setLocation(470, 130);
Table.setLocationAndSize(10, 490, 880, 190, "cells.tif nuclei");
selectWindow("ROI Manager");
setLocation(920, 130);
selectImage("cells.tif");
wait(1500);
File.saveString("", "{folder}/done");
wait(20000);
"""


def main() -> None:
    """Write the picture to the path that is given."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _draw_image(folder / "cells.tif")
        program = folder / "nucseg"
        program.write_text(
            f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m nucseg_tf "$@"\n'
        )
        program.chmod(0o755)
        (folder / "show.ijm").write_text(SHOWN.format(folder=folder, macro=MACRO))
        screen = f"{SIZE[0]}x{SIZE[1]}x24"
        commands = [
            ["Xvfb", DISPLAY, "-noreset", "-screen", "0", screen, "-fbdir", name],
            ["openbox"],
            ["java", f"-Duser.home={name}", "-cp", JAR, "ij.ImageJ", "-port0", "-macro",
             str(folder / "show.ijm")],
        ]  # fmt: skip
        running = []
        for command in commands:
            if shutil.which(command[0]):
                running.append(subprocess.Popen(command, env=os.environ | {"DISPLAY": DISPLAY}))
                time.sleep(1)
        try:
            _wait_for(folder / "done")
            picture = _read_screen(folder / "Xvfb_screen0")
        finally:
            for process in reversed(running):
                process.kill()
                process.wait()
    picture.quantize(COLOURS).save(sys.argv[1], optimize=True)


def _draw_image(path: Path) -> None:
    """A composite of two channels, the nuclei in the second."""
    line = find_cell_lines("U2OS")[0]
    image, labels = simulate_field(line, 1, seed=3, shape=(300, 400))
    cells = ndimage.gaussian_filter((labels > 0) * 3000.0, 9) + 200
    other = np.random.default_rng(0).poisson(cells).astype(np.uint16)
    tifffile.imwrite(
        path,
        np.stack([other, image]),
        imagej=True,
        resolution=(1 / 0.325, 1 / 0.325),
        metadata={"axes": "CYX", "mode": "composite", "unit": "um"},
    )


def _wait_for(file: Path) -> None:
    """Until a file is there; TimeoutError if it never is."""
    end = time.monotonic() + LIMIT
    while not file.exists():
        if time.monotonic() > end:
            raise TimeoutError(f"not over within {LIMIT} s")
        time.sleep(0.2)


def _read_screen(file: Path) -> Image.Image:
    """What Xvfb shows: its file is of the format XWD, with 32 bits a pixel."""
    data = file.read_bytes()
    header = struct.unpack(">25I", data[:100])
    start, width, height, stride, colours = (header[n] for n in (0, 4, 5, 12, 19))
    rows = np.frombuffer(data, np.uint8, stride * height, start + 12 * colours)
    return Image.fromarray(rows.reshape(height, -1, 4)[:, :width, 2::-1])


if __name__ == "__main__":
    main()
