import numpy as np
import pytest

from nucseg_tf.imaging import scratch as store
from nucseg_tf.imaging.pieces import find_boxes, pieces
from nucseg_tf.imaging.scratch import cut, highest, is_mapped, put, scratch, strips
from nucseg_tf.imaging.window import Window, blocks


def scattered(shape=(90, 130), count=40, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int32)
    for label in range(1, count + 1):
        y, x = rng.integers(0, shape[0] - 12), rng.integers(0, shape[1] - 12)
        labels[y : y + rng.integers(3, 12), x : x + rng.integers(3, 12)] = label
    labels[labels == 7] = 0  # a number may be missing
    return labels


@pytest.mark.parametrize("side", [16, 45, 200])
@pytest.mark.parametrize("margin", [0, 5])
def test_every_nucleus_is_whole_in_one_piece(side, margin):
    labels = scattered()
    seen = []
    for piece in pieces(labels, margin, side):
        window = labels[piece.window.slices]
        for local, number in enumerate(piece.numbers.tolist(), start=1):
            np.testing.assert_array_equal(piece.labels == local, window == number)
            assert (window == number).sum() == (labels == number).sum()
        seen += piece.numbers.tolist()
        assert piece.labels.max() <= len(piece.numbers)
    present = set(range(1, 41)) - ({7} if side < 100 else set())
    assert sorted(seen) == sorted(present)


def test_margins_are_kept_where_the_image_goes_on():
    labels = np.zeros((100, 100), np.int32)
    labels[40:44, 40:44] = 1
    (piece,) = pieces(labels, 6, 30)
    assert (piece.window.top, piece.window.right) == (34, 50)


def test_without_nuclei_there_is_an_empty_piece():
    for side in (8, 64):
        (piece,) = pieces(np.zeros((20, 30), np.int32), 0, side)
        assert not len(piece.numbers)
        assert not piece.labels.any()


def test_boxes():
    labels = scattered()
    boxes = find_boxes(labels, 20)
    for label in range(1, 41):
        rows, columns = np.nonzero(labels == label)
        if not len(rows):
            assert not boxes[label - 1].any()
            continue
        expected = [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
        assert boxes[label - 1].tolist() == expected


@pytest.fixture
def mapped(monkeypatch):
    monkeypatch.setattr(store, "SMALL", 0)
    array = scratch((50, 60), np.int32)
    assert is_mapped(array)
    return array


def test_scratch_keeps_what_is_put(mapped):
    assert not mapped.any()
    window = Window(10, 20, 30, 55, (50, 60))
    values = np.arange(20 * 35, dtype=np.int32).reshape(20, 35)
    put(mapped, window.slices, values)
    np.testing.assert_array_equal(cut(mapped, window.slices), values)
    np.testing.assert_array_equal(cut(mapped.T, window.slices[::-1]), values.T)
    assert cut(mapped, window.slices).base is None
    assert highest(mapped) == 699
    assert sum(int(strip.sum()) for strip in strips(mapped)) == values.sum()
    assert not is_mapped(scattered())


def test_scratch_says_when_there_is_no_room(monkeypatch):
    from nucseg_tf.errors import OutputError

    monkeypatch.setattr(store, "SMALL", 0)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.os, "posix_fallocate", full)
    with pytest.raises(OutputError, match=r"no room for .* GiB .*No space left.*TMPDIR"):
        scratch((1000, 1000), np.float32)


def test_blocks_divide_an_image():
    for shape, side in (((50, 60), 17), ((1, 1), 5), ((64, 64), 64)):
        total = np.zeros(shape, int)
        for block in blocks(shape, side):
            total[block.slices] += 1
            assert max(block.shape) <= side
        assert (total == 1).all()


@pytest.mark.parametrize("kind", ["u1", "i2", "u2", "u4", "i8", ">u2"])
def test_labels_of_any_integer_type_come_in_pieces(kind):
    labels = scattered()
    found = [(p.window, p.numbers.tolist(), p.labels.tolist()) for p in pieces(labels, 2, 45)]
    other = pieces(labels.astype(kind), 2, 45)
    assert [(p.window, p.numbers.tolist(), p.labels.tolist()) for p in other] == found


def test_changes_of_a_copy_on_write_array_stay(tmp_path):
    np.save(tmp_path / "image.npy", np.zeros((50, 60), np.float32))
    mine = np.load(tmp_path / "image.npy", mmap_mode="c")
    mine[:] = 5
    assert cut(mine, np.s_[2:4, 3:6]).tolist() == [[5] * 3] * 2
    assert [strip.min() for strip in strips(np.asarray(mine))] == [5]
    assert mine.min() == 5
