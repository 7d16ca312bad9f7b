"""Results of `scripts/bench.py` as they might be, small enough to check by hand."""

from __future__ import annotations

from typing import Any

import pytest


def run(wall: float, cpu: float, peak: float = 512.0) -> dict[str, float]:
    return {"wall_s": wall, "cpu_s": cpu, "peak_mb": peak}


def staged(network: float, decode: float) -> dict[str, Any]:
    """Two images of 2 Mpx in all; the network saw 4."""
    times = {
        name: {"wall_s": 2 * value, "cpu_s": value}
        for name, value in (("network", network), ("decode", decode))
    }
    return {"images": 2, "mpx": 2.0, "network_mpx": 4.0, "nuclei": 7, "stages": times}


@pytest.fixture
def result() -> dict[str, Any]:
    """Three rounds of nucseg_tf and StarDist; Cellpose was not there."""
    watched = {"others_cores": 0.5, "load": 1.0, "took_s": 9.0, "rounds": 3, "errors": {}}
    parts = {
        "whole": {
            "images": 2,
            "mpx": 2.0,
            "runs": {
                "nucseg_tf": [run(2, 3), run(1, 2), run(4, 6)],
                "stardist": [run(20, 30, 2048)] * 3,
            },
        },
        "stages": {
            "runs": {
                "nucseg_tf": [staged(2.0, 1.0), staged(4.0, 1.0), staged(6.0, 1.0)],
                "stardist": [staged(8.0, 2.0)],
            }
        },
        "startup": {"runs": {"nucseg_tf: --help": [run(0.2, 0.1)]}},
        "size": {
            "sizes": [
                {
                    "side": 2000,
                    "mpx": 4.0,
                    "runs": {"nucseg_tf": [run(2, 4)], "stardist": []},
                    "errors": {"stardist": "code -9:\nout of memory"},
                }
            ]
        },
        "shapes": {
            "images": 3,
            "mpx": 1.0,
            "runs": {
                "nucseg_tf: one shape": [run(1, 2)],
                "nucseg_tf: many shapes": [run(1.5, 2)],
                "stardist: one shape": [run(2, 2)],
                "stardist: many shapes": [],
            },
        },
        "limit": {
            "macs_per_mpx": {
                "nucseg_tf": {"Convolution": 3e9, "MatMul": 1e9},
                "stardist": {"all": 8e9},
            },
            "rates": {
                "openvino f32": {"macs_per_s": 5e9, "macs_per_cpu_s": 4e9},
                "openvino bf16": {"macs_per_s": 9e9, "macs_per_cpu_s": 8e9},
            },
        },
    }
    return {
        "machine": {
            "cpu": "A Processor",
            "cores": 2,
            "extensions": ["avx2"],
            "memory_gb": 8.0,
            "system": "Linux 6",
            "versions": {"nucseg-tf": "0.1", "openvino": "2026", "python": "3.11"},
            "revision": "0123456789abcdef",
        },
        "began": "2026-01-01 00:00",
        "fields": "2 copies",
        "tools": {
            "nucseg_tf": {"model": "fpn2ws-nuclei"},
            "stardist": {"versions": {"stardist": "0.9"}, "weights": "short"},
            "cellpose": {"left_out": "no --cellpose-python"},
        },
        "parts": {name: part | watched for name, part in parts.items()},
    }
