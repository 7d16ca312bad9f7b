"""What ome-zarr-models says of metadata: an independent reading of the standard."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import zarr


def check_valid(path: Path, kind: str, version: str) -> None:
    """Raise pydantic.ValidationError unless a group has the metadata of a kind.

    Args:
        path: of the group.
        kind: a module of ome_zarr_models, such as "image".
        version: of OME-Zarr.
    """
    module = import_module(f"ome_zarr_models.v{version.replace('.', '')}.{kind}")
    name = {"hcs": "HCSAttrs"}.get(kind, kind.title().replace("_", "") + "Attrs")
    said = zarr.open_group(str(path), mode="r", use_consolidated=False).attrs.asdict()
    assert ("ome" in said) == (version == "0.5")
    getattr(module, name).model_validate(said.get("ome", said))
