"""The entry point of the image for BIOMERO: its way of calling becomes that of `nucseg predict`.

singularity run IMAGE --infolder IN --gtfolder GT --outfolder OUT --model="NAME" ... --local -nmc

What is not of BIOMERO goes on to `nucseg predict` as it is, options without a value left out.
"""

from __future__ import annotations

import argparse
import os
import sys


def command_of(arguments: list[str]) -> list[str]:
    """The command that BIOMERO's arguments stand for; ends with 2 where they are none."""
    parser = argparse.ArgumentParser(allow_abbrev=False, description=__doc__)
    parser.add_argument("--infolder", required=True, help="folder of images")
    parser.add_argument("--outfolder", required=True, help="folder for label images and tables")
    parser.add_argument("--gtfolder", help="of truth, which nothing is compared with here")
    parser.add_argument("--local", action="store_true", help="without a server of Cytomine")
    parser.add_argument("-nmc", "--no_metrics_computation", action="store_true", help="no scores")
    known, more = parser.parse_known_args(arguments)
    if not known.local:
        parser.error("only --local is supported: there is no client of Cytomine in this image")
    wanted = [argument for argument in more if not argument.endswith("=")]
    return ["nucseg", "predict", known.infolder, "--out", known.outfolder, *wanted]


if __name__ == "__main__":
    command = command_of(sys.argv[1:])
    print("running", *command, flush=True)
    os.execvp(command[0], command)
