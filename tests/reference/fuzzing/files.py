"""Targets: binary files but for images: ROIs, masks of Cellpose, weights, stores, archives."""

from __future__ import annotations

import io
import json
import pickle
import shutil
import struct
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from reference.drawn import drawn_nuclei
from reference.fuzzing.documents import SHAPE, is_labels
from reference.fuzzing.places import made
from reference.fuzzing.target import Target
from reference.sets import colour_file

from nucseg_tf.data.roi_store.layout import FORMAT
from nucseg_tf.io.archives import open_source
from nucseg_tf.io.cellpose import read_seg
from nucseg_tf.io.labels import read_labels
from nucseg_tf.io.shapes import read_shapes
from nucseg_tf.io.writers.imagej import write_imagej_rois
from nucseg_tf.models.archive import import_model
from nucseg_tf.models.weights import read_weights
from nucseg_tf.models.zoo import SHIPPED
from nucseg_tf.training.torch_file import read_torch

SMALL = 2**22  # bytes that an array of a small file may have


def _zip_of_rois() -> bytes:
    return made("a_rois.zip", lambda path: write_imagej_rois(path, drawn_nuclei()[1]))


def _rois() -> list[bytes]:
    import roifile

    with zipfile.ZipFile(io.BytesIO(_zip_of_rois())) as archive:
        found = [archive.read(name) for name in archive.namelist()[:1]]
    points = np.array([[1.5, 2.5], [30.25, 4.0], [20.0, 40.5]], np.float32)
    found.append(roifile.ImagejRoi.frompoints(points, name="a").tobytes())
    oval = roifile.ImagejRoi(roitype=roifile.ROI_TYPE.OVAL, top=2, left=3, bottom=20, right=30)
    rectangle = roifile.ImagejRoi(roitype=roifile.ROI_TYPE.RECT, top=2, left=3, bottom=9, right=9)
    return [*found, oval.tobytes(), rectangle.tobytes()]


def _seg() -> list[bytes]:
    labels = drawn_nuclei()[1][:20, :30]
    content = {"masks": labels.astype(np.uint16), "filename": "/a.tif", "diameter": np.float64(9)}
    turned = content | {"masks": np.asfortranarray(labels.astype(">i4"))}
    return [made("a_seg.npy", lambda path, c=c: np.save(path, c)) for c in (content, turned)]


def _read_seg(folder: Path) -> None:
    array = read_seg(folder / "a_seg.npy")
    assert array.dtype.kind in "buif"
    assert array.nbytes <= (folder / "a_seg.npy").stat().st_size
    labels = read_labels(folder / "a_seg.npy")
    is_labels(labels, array.shape)


def _npy() -> list[bytes]:
    labels = drawn_nuclei()[1][:12, :15]
    kinds = (labels.astype(np.uint8), np.asfortranarray(labels.astype(">i4")), labels[None] / 1.0)
    return [made("a.npy", lambda path, k=k: np.save(path, k)) for k in kinds]


def _npz() -> list[bytes]:
    labels = drawn_nuclei()[1][:12, :15]
    return [
        made("a.npz", lambda path: np.savez(path, labels)),
        made("a.npz", lambda path: np.savez_compressed(path, image=labels, masks=labels)),
    ]


def _read_array(name: str) -> Any:
    def read(folder: Path) -> None:
        labels = read_labels(folder / name)
        is_labels(labels, labels.shape)

    return read


def _coloured() -> list[bytes]:
    labels = drawn_nuclei()[1]
    colours = np.array([(1, 0, 0), (2, 0, 0), (1, 9, 0), (255, 255, 255)], np.uint8)
    return [made("a.png", lambda path: colour_file(path, labels, colours))]


# --- weights ---------------------------------------------------------------------------------


class _Storage:
    """Stands for a storage of PyTorch while it is pickled."""

    def __init__(self, key: str, count: int):
        self.key, self.count = key, count


class _Tensor:
    def __init__(self, key: str, shape: Sequence[Any], steps: Sequence[int]):
        self.key, self.shape, self.steps = key, tuple(shape), tuple(steps)

    def __reduce__(self) -> Any:
        storage = _Storage(self.key, 6)
        rest = (storage, 0, self.shape, self.steps, False, None)
        return _Named("torch._utils", "_rebuild_tensor_v2"), rest


class _Named:
    """A name of a module that is not at hand."""

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name

    def __call__(self, *_: Any) -> None:
        """Only for pickle, which asks for something that can be called."""


class _Pickler(pickle._Pickler):
    """Writes the format of PyTorch before 1.6."""

    def persistent_id(self, thing: Any) -> Any:
        if isinstance(thing, _Storage):
            kind = _Named("torch", "FloatStorage")
            return ("storage", kind, thing.key, "cpu", thing.count, None)
        return None

    def save(self, thing: Any, save_persistent_id: bool = True) -> None:
        if isinstance(thing, _Named):
            self.write(f"c{thing.module}\n{thing.name}\n".encode())
            return
        super().save(thing, save_persistent_id)


def torch_file(shape: Sequence[Any], steps: Sequence[int]) -> bytes:
    """A file of PyTorch's format before 1.6.

    Args:
        shape: of its array, which lies in six values 0..5.
        steps: in values, from one to the next along each axis.
    """
    stream = io.BytesIO()
    for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
        pickle.dump(part, stream, 2)
    _Pickler(stream, 2).dump({"a.weight": _Tensor("0", shape, steps)})
    pickle.dump(["0"], stream, 2)
    stream.write(struct.pack("<q", 6) + np.arange(6, dtype="<f4").tobytes())
    return stream.getvalue()


def _read_torch(folder: Path) -> None:
    size = (folder / "a.pth").stat().st_size
    for name, array in read_torch(folder / "a.pth"):
        assert isinstance(name, str)
        assert array.nbytes <= size
        array.sum()


def _weights() -> list[bytes]:
    import h5py

    def write(path: Path) -> None:
        with h5py.File(path, "w") as file:
            for number, size in enumerate((4, 100)):
                more = {"compression": "gzip", "shuffle": True} if size > 64 else {}
                data = file.create_dataset(
                    f"{number:04d}", data=np.arange(size, dtype="f4"), **more
                )
                data.attrs["path"] = f"layer/{number}"

    return [made("a.h5", write)]


def _read_weights(folder: Path) -> None:
    for name, array in read_weights(folder / "a.h5"):
        assert isinstance(name, str)
        assert array.dtype == np.float32


def _store() -> list[bytes]:
    import h5py

    from nucseg_tf.config import make_config

    side, count = 64, 2
    config = make_config({"model": {"family": "fpn2ws"}, "data": {"roi": side}})
    said = config.model_dump(mode="json")
    made_of = {"data": said["data"], "normalisation": said["normalisation"], "sources": ["0", "1"]}

    def write(path: Path) -> None:
        with h5py.File(path, "w") as file:
            file.attrs.update({"format": FORMAT, "made_of": json.dumps(made_of)})
            for name, kind in (("grey", "u1"), ("labels", "u2"), ("valid", "u1")):
                data = file.create_dataset(
                    name, (count, side, side), kind, chunks=(1, side, side), compression="gzip"
                )
                for number in range(count):
                    plane = np.full((side, side), number, kind)
                    data.id.write_direct_chunk(
                        (number, 0, 0), imagecodecs.deflate_encode(plane.tobytes(), level=1)
                    )
            file["grey"].attrs.update({"scale": 1 / 255, "offset": 0.0})

    return [made("a.h5", write)]


def _read_store(folder: Path) -> None:
    from nucseg_tf.config import make_config
    from nucseg_tf.data.roi_store.read import RoiStore

    store = RoiStore(folder / "a.h5")
    try:
        store.check(make_config({"model": {"family": "fpn2ws"}, "data": {"roi": 64}}), ["2"])
        for number in range(min(store.count, 4)):
            image, labels = store.read_labels(number)
            assert image.shape == (*labels.shape, 1) == (store.size, store.size, 1)
            assert image.dtype == np.float32
            assert labels.dtype == np.int32
    finally:
        store.file.close()


# --- archives --------------------------------------------------------------------------------


def _zip(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


FILES = {"meta.json": b'{"classes": []}', "d/ann/a.png.json": b'{"size": {}}', "d/img/a.png": b"x"}


def _tar() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in FILES.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def _models() -> list[bytes]:
    info = sorted(SHIPPED.glob("*/model.yaml"))[0].read_bytes()
    return [
        _zip({"m/model.yaml": info, "m/model.weights.h5": b"w", "m/sha256": b"0  model.yaml\n"})
    ]


def _import(folder: Path) -> None:
    import_model(folder / "a.zip", folder / "models")
    shutil.rmtree(folder / "models")


def _read_all(name: str) -> Any:
    def read(folder: Path) -> None:
        with open_source(folder / name) as source:
            for file in source.names:
                assert not file.startswith("/")
                assert ".." not in file.split("/")
                if file.endswith(".json"):
                    source.json(file)
                else:
                    assert len(source.load(file, SMALL)) <= SMALL

    return read


TARGETS = (
    Target("roi", "a.roi", lambda f: is_labels(read_shapes(f / "a.roi", SHAPE)), _rois),
    Target("roi-zip", "a_rois.zip", lambda f: is_labels(read_shapes(f / "a_rois.zip", SHAPE)),
           lambda: [_zip_of_rois()]),
    Target("npy", "a.npy", _read_array("a.npy"), _npy),
    Target("npz", "a.npz", _read_array("a.npz"), _npz),
    Target("coloured-mask", "a.png", _read_array("a.png"), _coloured, decoder=True),
    Target("cellpose", "a_seg.npy", _read_seg, _seg),
    Target("torch", "a.pth", _read_torch, lambda: [torch_file((2, 3), (3, 1))]),
    Target("weights", "a.h5", _read_weights, _weights, decoder=True),
    Target("roi-store", "a.h5", _read_store, _store, decoder=True),
    Target("model-zip", "a.zip", _import, _models),
    Target("project-zip", "a.zip", _read_all("a.zip"), lambda: [_zip(FILES)]),
    Target("project-tar", "a.tar", _read_all("a.tar"), lambda: [_tar()]),
)  # fmt: skip
