"""Train the network that tells the diameter of nuclei.

    python scripts/train_scale.py scripts/train_scale.yaml DATA OUT [--resume]

DATA is as of `nucseg train`. Writes best.h5 and last.h5 into OUT; the same command with --resume
goes on after an interruption.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from nucseg_tf.registry import FAMILIES
from nucseg_tf.scale.training import Scale

JOINED = 768  # px, side of fields from which small nuclei are cut
FAMILIES.register("scale", Scale())


def main() -> None:
    """Train, and say where the weights are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--resume", action="store_true")
    arguments = parser.parse_args()
    import logging

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    from nucseg_tf.config import find_config, load_config
    from nucseg_tf.data.manifest import find_fields
    from nucseg_tf.data.mosaic import join_fields
    from nucseg_tf.data.sample import load_samples
    from nucseg_tf.data.splits import split_fields
    from nucseg_tf.training.trainer import Trainer

    settings = load_config(find_config(arguments.config))
    parts = split_fields(find_fields(arguments.data), 0.2, settings.training.seed)
    train, validation = (load_samples(part, settings) for part in parts)
    train += join_fields(train, JOINED)
    Trainer(settings, arguments.out, train, validation).fit("random", arguments.resume)
    print(arguments.out / "best.h5")


if __name__ == "__main__":
    main()
