from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from nucseg_tf.imaging import symmetry
from nucseg_tf.imaging.raster import Plain
from nucseg_tf.imaging.tiling import (
    MARGIN,
    STRIDE,
    fit_tile,
    padded_length,
    predict_maps,
    tile_starts,
    tile_weights,
    tiles,
)


def blur_net(batch: np.ndarray) -> np.ndarray:
    """A network of known reach: 6 px blur, and the identity."""
    blurred = ndimage.uniform_filter(batch, (1, 13, 13, 1), mode="constant")
    return np.concatenate([blurred, batch], axis=-1)


@pytest.mark.parametrize("length", [32, 64, 256, 288, 640, 1024, 2016])
@pytest.mark.parametrize(("tile", "halo"), [(256, 32), (256, 96), (512, 64)])
def test_tiles_cover_everything_on_the_sampling_grid(length, tile, halo):
    starts = tile_starts(length, tile, halo)
    assert starts[0] == 0
    assert all(start % STRIDE == 0 for start in starts)
    assert starts[-1] + min(tile, length) == length
    assert all(b - a <= tile - 2 * halo for a, b in pairwise(starts))
    total = np.zeros(length)
    for start in starts:
        total[start : start + tile] += tile_weights(length, start, min(tile, length), halo)
    assert total.min() > 0


def test_weights_are_zero_in_the_halo_up_to_a_strip_but_not_at_the_image_edge():
    first = tile_weights(1024, 0, 256, 64)
    assert first[0] == 1
    assert (first[-48:] == 0).all()
    assert (first[:176] == 1).all()
    assert (tile_weights(256, 0, 256, 64) == 1).all()


def test_tiles_are_products_of_rows_and_columns():
    parts = list(tiles((480, 224), 256, 64))  # 512 x 256 with margins
    assert [(part.rows.start, part.columns.start) for part in parts] == [
        (-16, -16), (112, -16), (240, -16)
    ]  # fmt: skip
    total = np.zeros((480, 224))
    for part in parts:
        inner, outer = part.within((480, 224))
        total[outer] += part.weights[inner]
    np.testing.assert_allclose(total, 1, atol=1e-6)


def test_images_of_all_sizes_come_in_few_shapes():
    lengths = {length: padded_length(length) for length in range(1, 1505)}
    assert len(set(lengths.values())) <= 27
    for length, padded in lengths.items():
        assert padded % STRIDE == 0
        needed = length + 2 * MARGIN
        assert needed <= padded < needed + (STRIDE if needed <= 256 else 2 * STRIDE)
    assert [lengths[side] for side in (100, 224, 225, 512, 1024)] == [160, 256, 320, 576, 1088]
    assert padded_length(2000) == 2048


def test_tiles_are_no_larger_than_the_field_needs():
    assert fit_tile(2080, 1536, 128) == 1184  # two tiles, not two of 1536
    assert fit_tile(1056, 1536, 128) == 1056
    for length in range(1568, 6000, 32):
        tile = fit_tile(length, 1536, 128)
        assert tile <= 1536
        assert len(tile_starts(length, tile, 128)) == len(tile_starts(length, 1536, 128))


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (31, 33), (255, 257), (300, 700), (640, 641)])
def test_tiled_equals_whole_over_sizes(shape):
    pixels = np.random.default_rng(0).random(shape, np.float32)
    image = Plain(pixels)
    whole = predict_maps(blur_net, image, 4096, 64)
    assert whole.shape == (*shape, 2)
    np.testing.assert_array_equal(whole[..., 1], pixels)
    for tile in (256, 320, 512):
        np.testing.assert_allclose(predict_maps(blur_net, image, tile, 64), whole, atol=1e-5)


def test_edges_are_mirrored_so_that_a_flat_field_stays_flat():
    maps = predict_maps(blur_net, Plain(np.ones((50, 70), np.float32)), 256, 64)
    assert MARGIN >= 8
    np.testing.assert_allclose(maps, 1, atol=1e-6)


@pytest.mark.parametrize("tta", [2, 8])
def test_views_are_turned_back_and_averaged(tta):
    image = np.random.default_rng(1).random((70, 300), np.float32)

    def slanted(batch):
        return batch * np.linspace(0, 1, batch.shape[2], dtype=np.float32)[:, None]

    found = predict_maps(slanted, Plain(image), 256, 64, tta)
    views = [
        symmetry.turn_back(predict_maps(slanted, Plain(symmetry.turn(image, n)), 256, 64), n)
        for n in range(tta)
    ]
    np.testing.assert_allclose(found, np.mean(views, axis=0), atol=1e-6)


@pytest.mark.parametrize("tile", [256, 320, 512])
def test_what_a_network_gives_near_the_edge_of_a_tile_is_not_used(tile):
    def unsure(batch):
        """Right but for 48 px about the edge, as far as zeros beyond it are felt."""
        maps = np.full_like(batch, 9)
        maps[:, 48:-48, 48:-48] = batch[:, 48:-48, 48:-48]
        return maps

    image = Plain(np.random.default_rng(2).random((700, 330), np.float32))
    whole = predict_maps(unsure, image, 4096, 64)
    np.testing.assert_allclose(predict_maps(unsure, image, tile, 64), whole, atol=1e-6)


@pytest.mark.parametrize("length", [500, 700, 1000])
def test_the_network_sees_as_much_beyond_an_image_in_whatever_tiles(length):
    ends = {list(tiles((length, 64), tile, 64))[-1].rows.stop for tile in (256, 288, 512, 4096)}
    assert len(ends) == 1
