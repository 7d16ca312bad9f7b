import sys

import anndata
import numpy as np
import pytest
import zarr

from nucseg_tf.errors import DataError, OutputError
from nucseg_tf.io.omezarr.table import write_table
from nucseg_tf.io.tables import Table

TABLE = Table(
    {
        "image": np.array(["a", "b"]),
        "label": np.array([7, 2], np.int32),
        "area": np.array([12.5, np.nan]),
        "pixels": np.array([2**25 + 1, 3]),  # more digits than float32 has
        "edge": np.array([True, False]),
    }
)


def test_a_table_is_anndata(image):
    path = write_table(image, TABLE, region="cells")
    assert path == image / "tables" / "nuclei"
    found = anndata.read_zarr(str(path))
    assert list(found.var_names) == ["area", "pixels"]
    np.testing.assert_array_equal(found.X, [[12.5, 2**25 + 1], [np.nan, 3]])
    assert list(found.obs_names) == ["7", "2"]
    assert found.obs["label"].tolist() == [7, 2]
    assert found.obs["image"].tolist() == ["a", "b"]
    assert found.obs["edge"].tolist() == [True, False]
    said = zarr.open_group(str(path)).attrs.asdict()
    assert (said["type"], said["instance_key"]) == ("feature_table", "label")
    assert said["region"] == {"path": "../labels/cells"}
    assert zarr.open_group(str(image / "tables")).attrs["tables"] == ["nuclei"]


def test_a_table_has_the_format_of_its_image(image, version):
    path = write_table(image, TABLE)
    assert (path / ".zgroup").is_file() == (version == "0.4")
    assert (path / "X" / "zarr.json").is_file() == (version == "0.5")


def test_without_a_nucleus(image):
    empty = Table({name: column[:0] for name, column in TABLE.columns.items()})
    assert anndata.read_zarr(str(write_table(image, empty))).shape == (0, 2)


def test_a_table_is_kept(image):
    write_table(image, TABLE)
    with pytest.raises(OutputError, match="is there already"):
        write_table(image, TABLE)
    fewer = Table({"label": np.array([1])})
    assert anndata.read_zarr(str(write_table(image, fewer, overwrite=True))).shape == (1, 0)
    assert zarr.open_group(str(image / "tables")).attrs["tables"] == ["nuclei"]


def test_without_the_package(image, monkeypatch):
    monkeypatch.setitem(sys.modules, "anndata", None)
    with pytest.raises(OutputError, match=r'pip install "nucseg-tf\[zarr\]"'):
        write_table(image, TABLE)


def test_rows_are_labels(image):
    with pytest.raises(DataError, match="'label'"):
        write_table(image, Table({"area": np.ones(2)}))
    with pytest.raises(DataError, match="come twice"):
        write_table(image, Table({"label": np.ones(2)}))
    assert not (image / "tables").exists()
