"""What is refused before memory is taken for it, and what is not."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from nucseg_tf.errors import TooLargeError, UsageError
from nucseg_tf.imaging import scratch
from nucseg_tf.io import limits
from nucseg_tf.io.images import read_raw


@pytest.fixture(autouse=True)
def _gigabyte(monkeypatch):
    monkeypatch.setattr(limits, "allowed", lambda: 2 * limits.GB)


def test_half_of_the_memory_may_be_held():
    limits.check((10**9,), 1, "a")
    with pytest.raises(TooLargeError, match=r"a: would take 1\.0 GB .*1,000,001 x 1,000.*NUCSEG"):
        limits.check((1_000_001, 1000), 1, "a")


def test_a_file_of_few_bytes_holds_little():
    limits.check((limits.SMALL,), 1, "a", stored=1)
    limits.check((limits.MOST_RATIO * 10**5,), 1, "a", stored=10**5)
    with pytest.raises(TooLargeError, match="in 100,000 bytes, which cannot be true"):
        limits.check((limits.MOST_RATIO * 10**5 + 1,), 1, "a", stored=10**5)


def test_windows_may_be_larger_than_memory_if_the_file_is_large():
    limits.check_windows((10**5, 10**5), 2, "a", stored=10**8)
    limits.check_windows((10**9,), 1, "a", stored=0)  # labels without a nucleus
    with pytest.raises(TooLargeError):
        limits.check_windows((10**5, 10**5), 2, "a", stored=10**6)


def test_sizes_beyond_64_bits_are_no_small_ones():
    with pytest.raises(TooLargeError):
        limits.check(np.array([2**32, 2**32], np.int64), 1, "a")


def test_users_may_allow_more_or_less(monkeypatch):
    monkeypatch.setenv(limits.VARIABLE, "0.001")
    with pytest.raises(TooLargeError, match=r"0\.0 GB are allowed"):
        limits.check((1001, 1000), 1, "a")
    monkeypatch.setenv(limits.VARIABLE, "1e6")
    limits.check((10**5, 10**5), 2, "a", stored=1)
    limits.check_windows((10**5, 10**5), 2, "a", stored=1)


@pytest.mark.parametrize("said", ["", "0", "-1", "nan", "inf", "much"])
def test_a_limit_that_is_none_is_wrong_usage(monkeypatch, said):
    monkeypatch.setenv(limits.VARIABLE, said)
    with pytest.raises(UsageError, match="NUCSEG_MAX_GB: expected"):
        limits.most()


def test_whole_slides_are_read_by_windows(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "SMALL", 2**12)
    monkeypatch.setenv(limits.VARIABLE, "0.0001")  # 100 kB, less than the image
    image = np.arange(512 * 512, dtype=np.uint16).reshape(512, 512)
    tifffile.imwrite(tmp_path / "a.tif", image, tile=(64, 64), compression="zlib")
    window = read_raw(tmp_path / "a.tif").data[100:110, 200:210]
    np.testing.assert_array_equal(window, image[100:110, 200:210])


def test_one_strip_larger_than_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "SMALL", 2**12)
    monkeypatch.setenv(limits.VARIABLE, "0.0001")
    noise = np.random.default_rng(0).integers(0, 2**16, (512, 512)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", noise, rowsperstrip=512, compression="zlib")
    with pytest.raises(TooLargeError, match=r"a\.tif: would take"):
        read_raw(tmp_path / "a.tif")


@pytest.mark.parametrize("size", [4, 5, 10**12, 2**64, -1, None])
def test_a_bounded_file_gives_what_is_left_of_it(tmp_path, size):
    (tmp_path / "a").write_bytes(b"123456")
    with limits.BoundedFile(tmp_path / "a") as file:
        assert file.name == str(tmp_path / "a")
        assert file.read(2) == b"12"
        assert file.read(size) == b"3456"
        assert file.read(size) == b""
        file.seek(9)
        assert file.read(size) == b""
        assert file.read(0) == b""
