"""Networks in OpenVINO's form (IR: an .xml and a .bin each), with open batch, height and width."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.engines.base import Part, Source
from nucseg_tf.engines.openvino import WEIGHTS, XML, convert, core_of, load_openvino, port_names
from nucseg_tf.models.export.formats import Computes, Format, Written

SETTINGS = {"INFERENCE_PRECISION_HINT": "f32"}


class Ir(Format):
    """See `Format` for what each of these is."""

    name = "openvino"
    packages = ("openvino",)

    def write(
        self, source: Source, folder: Path, description: Mapping[str, Any]
    ) -> dict[str, Written]:
        ov = load_openvino()
        files = convert(ov, source)
        written = {}
        for name, part in source.parts.items():
            file = Path(name + XML)
            model = core_of(ov).read_model(files[name + XML], files[name + WEIGHTS])
            for ports, names in ((model.inputs, part.takes), (model.outputs, part.gives)):
                _rename(ports, names)
            model.set_rt_info(json.dumps(dict(description)), ["nucseg"])
            ov.save_model(model, folder / file, compress_to_fp16=False)
            written[name] = Written(file, part.takes, part.gives, _load(ov, folder / file, part))
        return written


def _rename(ports: Sequence[Any], names: Sequence[str]) -> None:
    """Give ports the names of a part's arguments or results."""
    by_name = {port.any_name: port for port in ports}
    for old, new in zip(port_names(ports), names, strict=True):
        by_name[old].get_tensor().set_names({new})


def _load(ov: Any, file: Path, part: Part) -> Computes:
    compiled = core_of(ov).compile_model(file, "CPU", SETTINGS)

    def compute(*arrays: np.ndarray) -> Sequence[np.ndarray]:
        found = compiled(dict(zip(part.takes, arrays, strict=True)))
        return [found[name] for name in part.gives]

    return compute
