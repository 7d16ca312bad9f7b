"""What the scripts of other tools share: read, predict, write label images, note the stages.

Runs in the tools' environments, so it needs NumPy and tifffile alone.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile


class Clock:
    """Adds up the times of stages."""

    def __init__(self) -> None:
        self.stages: dict[str, dict[str, float]] = {}
        self.network_pixels = 0  # that the network saw

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add what is done within to a stage."""
        times = self.stages.setdefault(name, {"wall_s": 0.0, "cpu_s": 0.0})
        wall, processor = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            times["wall_s"] += time.perf_counter() - wall
            times["cpu_s"] += time.process_time() - processor

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, whose calls are added to a stage."""

        def called(*arguments: Any, **options: Any) -> Any:
            with self.stage(name):
                return function(*arguments, **options)

        return called

    def split(self, name: str, inner: Clock) -> None:
        """Give what another clock noted stages of its own, and take it from the one around."""
        for part, times in inner.stages.items():
            own = self.stages.setdefault(part, {"wall_s": 0.0, "cpu_s": 0.0})
            for key, value in times.items():
                own[key] += value
                self.stages[name][key] -= value


Predict = Callable[[np.ndarray, Clock], np.ndarray]  # (H, W) -> labels (H, W)


def parse(description: str | None) -> argparse.Namespace:
    """The options that all scripts have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("images", type=Path, help="a TIFF, or a folder of them")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", help="weights")
    parser.add_argument("--times", type=Path, help="file for the times of the stages")
    parser.add_argument("--macs", action="store_true", help="count multiply-adds instead")
    return parser.parse_args()


def run(arguments: argparse.Namespace, predict: Predict, macs: Callable[[], float]) -> None:
    """Predict all images; with `--times`, the first once before, and note the times."""
    if arguments.macs:
        arguments.times.write_text(json.dumps({"macs_per_mpx": {"all": macs()}}))
        return
    folder = arguments.images
    files = sorted(folder.glob("*.tif")) if folder.is_dir() else [folder]
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.times:
        _one(files[0], arguments.out, predict, Clock())
    clock, pixels, nuclei = Clock(), 0, 0
    for file in files:
        labels = _one(file, arguments.out, predict, clock)
        pixels, nuclei = pixels + labels.size, nuclei + int(labels.max())
    if arguments.times:
        seen = (clock.network_pixels or pixels) / 1e6
        found = {"images": len(files), "mpx": pixels / 1e6, "network_mpx": seen, "nuclei": nuclei}
        arguments.times.write_text(json.dumps(found | {"stages": clock.stages}))


def _one(file: Path, out: Path, predict: Predict, clock: Clock) -> np.ndarray:
    with clock.stage("read"):
        pixels = tifffile.imread(file)
    labels = predict(pixels, clock)
    with clock.stage("write"):
        name = out / f"{file.stem}_labels.tif"
        tifffile.imwrite(name, labels.astype(np.int32), compression="zlib")
    return labels


def torch_macs(network: Any, channels: int, side: int = 224) -> float:
    """Multiply-adds a megapixel of a network of PyTorch: of its convolutions and linear layers."""
    import torch

    total = 0

    def count(layer: Any, _inputs: Any, output: Any) -> None:
        nonlocal total
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.Linear)):
            per_output = layer.weight[0].numel()
            total += output.numel() * per_output

    handles = [layer.register_forward_hook(count) for layer in network.modules()]
    with torch.no_grad():
        network(torch.zeros(1, channels, side, side))
    for handle in handles:
        handle.remove()
    return total * 1e6 / side**2
