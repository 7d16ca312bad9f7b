"""Random weights for another tool, in the format and the place in which its own are looked for.

    .venv-peers/TOOL/bin/python scripts/peers_random.py TOOL FOLDER

With them `nucseg benchmark --peers` goes the whole way where no weights can be had: see
docs/peers.md. What a tool finds with them is noise. InstanSeg needs pandas and seaborn besides.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

SEED = 0


def stardist(folder: Path) -> str:
    """A folder for --peers stardist=FOLDER; StarDist itself takes nothing but its own zip file."""
    import numpy as np
    from stardist.models import Config2D, StarDist2D

    model = StarDist2D(Config2D(n_rays=32, grid=(2, 2)), name="random", basedir=str(folder))
    generator = np.random.default_rng(SEED)
    model.keras_model.set_weights(
        [generator.normal(scale=0.08, size=w.shape) for w in model.keras_model.get_weights()]
    )
    model.keras_model.save_weights(str(folder / "random" / "weights_best.h5"))
    # The default threshold lets so much of this noise pass that it takes minutes to sort out.
    (folder / "random" / "thresholds.json").write_text('{"prob": 0.6, "nms": 0.4}')
    return f"--peers stardist={folder / 'random'}"


def cellpose(folder: Path) -> str:
    """Of version 3 the network `nuclei` with its size model; from 4 on the default."""
    import numpy as np
    import torch
    from cellpose import models

    torch.manual_seed(SEED)
    if int(version("cellpose").split(".")[0]) < 4:
        model = models.CellposeModel(gpu=False, pretrained_model=False)
        model.net.save_model(str(folder / "nucleitorch_0"))
        size = {"A": np.zeros(256), "smean": np.zeros(256), "diam_mean": 17.0, "ymean": 0.0}
        np.save(folder / "size_nucleitorch_0.npy", size)
    else:
        from cellpose.vit import CPSAM

        torch.save(CPSAM(dtype=torch.float32).state_dict(), folder / "cpsam_v2")
    return f"CELLPOSE_LOCAL_MODELS_PATH={folder} and --peers cellpose"


def instanseg(folder: Path) -> str:
    """The nuclei of one channel."""
    import torch
    from instanseg.utils.loss.instanseg_loss import InstanSeg, InstanSeg_Torchscript
    from instanseg.utils.models.InstanSeg_UNet import InstanSeg_UNet

    torch.manual_seed(SEED)
    network = InstanSeg_UNet(in_channels=1, out_channels=[[2], [2], [1]], layers=[256, 128, 64, 32])
    model = InstanSeg(n_sigma=2, device="cpu").initialize_pixel_classifier(network, MLP_width=5)
    found = {"seed_threshold": 0.0}  # with the default, noise holds no seed of a nucleus
    whole = InstanSeg_Torchscript(model, pixel_size=0.5, backbone_dim_in=1, params=found)
    place = folder / "single_channel_nuclei" / "0.1.2"
    place.mkdir(parents=True)
    torch.jit.script(whole).save(str(place / "instanseg.pt"))
    return f"INSTANSEG_BIOIMAGEIO_PATH={folder} and --peers instanseg"


def main() -> None:
    """Write the weights of a tool."""
    tool, folder = sys.argv[1], Path(sys.argv[2]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    print({"stardist": stardist, "cellpose": cellpose, "instanseg": instanseg}[tool](folder))


if __name__ == "__main__":
    main()
