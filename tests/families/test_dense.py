import pytest

from nucseg_tf.families.dense import halo_of


@pytest.mark.parametrize(
    ("tile", "halo"), [(288, 128), (512, 128), (1024, 128), (1312, 160), (1536, 192), (4096, 512)]
)
def test_context_grows_with_tiles_on_the_sampling_grid(tile, halo):
    assert halo_of(tile) == halo
    assert tile > 2 * halo
