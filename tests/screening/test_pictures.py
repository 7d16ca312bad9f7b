from nucseg_tf.screening.pictures import find_pictures


def test_each_field_has_its_picture(tmp_path):
    for name in ("a", "b_t000", "b_t001", "c #1%", "d_z002", "scene_s-1", "x.ome"):
        (tmp_path / f"{name}_thumbnail.jpg").touch()
    entries = [
        {"image": "a.tif"},
        {"image": "b.tif"},  # a stack: its first plane
        {"image": "plate file", "name": "c #1%"},
        {"image": "d.tif"},
        {"image": "x.ome.tif"},
        {"image": "none.tif"},
        {"image": "file.czi", "scene": "s 1", "name": "scene_s-1"},
    ]
    assert find_pictures(tmp_path, entries) == [
        "a_thumbnail.jpg",
        "b_t000_thumbnail.jpg",
        "c%20%231%25_thumbnail.jpg",
        "d_z002_thumbnail.jpg",
        "x.ome_thumbnail.jpg",
        None,
        "scene_s-1_thumbnail.jpg",
    ]


def test_a_picture_of_its_own_goes_before_that_of_a_plane(tmp_path):
    for name in ("a_t000", "a"):
        (tmp_path / f"{name}_thumbnail.jpg").touch()
    entries = [{"image": "a.tif"}, {"image": "a_t000.tif"}]
    assert find_pictures(tmp_path, entries) == ["a_thumbnail.jpg", "a_t000_thumbnail.jpg"]
