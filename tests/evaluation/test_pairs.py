"""Label images that belong to each other, by their names."""

from __future__ import annotations

from nucseg_tf.evaluation.pairs import pair_labels


def test_label_images_are_told_from_images_beside_them(tmp_path):
    for name in ("x.tif", "x_masks.tif", "y_labels.png", "z.ome.tif", "notes.txt"):
        (tmp_path / "truth").mkdir(exist_ok=True)
        (tmp_path / "truth" / name).touch()
    for name in ("x.png", "x_labels.tif", "y.tif", "z_labels.tif", "other_labels.tif"):
        (tmp_path / "predicted").mkdir(exist_ok=True)
        (tmp_path / "predicted" / name).touch()
    pairs = pair_labels(tmp_path / "truth", tmp_path / "predicted")
    names = {stem: (truth.name, pred.name) for stem, (truth, pred) in pairs.items()}
    assert names == {
        "x": ("x_masks.tif", "x_labels.tif"),
        "y": ("y_labels.png", "y.tif"),
        "z": ("z.ome.tif", "z_labels.tif"),
    }


def test_masks_of_cellpose_are_truth_and_predictions(tmp_path):
    for folder, name in (("truth", "a"), ("found", "b_c")):
        (tmp_path / folder).mkdir()
        for stem in ("a", "b_c"):
            (tmp_path / folder / f"{stem}_cp_masks.png").write_bytes(b"x")
        (tmp_path / folder / f"{name}.png").write_bytes(b"x")  # an image, or an overlay
    pairs = pair_labels(tmp_path / "truth", tmp_path / "found")
    assert {stem: [path.name for path in pair] for stem, pair in pairs.items()} == {
        stem: [f"{stem}_cp_masks.png"] * 2 for stem in ("a", "b_c")
    }


def test_labels_of_other_programs_go_before_what_may_be_the_image(tmp_path):
    (tmp_path / "truth" / "masks").mkdir(parents=True)
    (tmp_path / "found").mkdir()
    for stem in "abc":
        (tmp_path / "truth" / "masks" / f"{stem}.tif").touch()
        (tmp_path / "truth" / "masks" / f"{stem}.geojson").touch()
        (tmp_path / "found" / f"{stem}.tif").touch()
    for name in ("a_seg.npy", "a_rois.zip", "b.geojson", "b_labels.tif", "c_rois.zip", "x.zip"):
        (tmp_path / "found" / name).touch()
    pairs = pair_labels(tmp_path / "truth", tmp_path / "found")
    assert {stem: (truth.name, pred.name) for stem, (truth, pred) in pairs.items()} == {
        "a": ("a.tif", "a_seg.npy"),
        "b": ("b.tif", "b_labels.tif"),
        "c": ("c.tif", "c_rois.zip"),
    }


def test_a_json_is_labels_if_it_is_of_labelme(tmp_path):
    for folder in ("truth", "found"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.json").write_text('{"version": "5.5.0", "shapes": []}')
        (tmp_path / folder / "run.json").write_text('{"command": "predict"}')
        (tmp_path / folder / "a.regions.json").write_text('{"shapes": []}')
    pairs = pair_labels(tmp_path / "truth", tmp_path / "found")
    assert {stem: [path.name for path in pair] for stem, pair in pairs.items()} == {
        "a": ["a.json", "a.json"]
    }
