import http.server
import pickle
import threading

import numpy as np
import pytest

from nucseg_tf.errors import InitialisationError
from nucseg_tf.families.fpn2ws.config import Architecture
from nucseg_tf.layers.efficientnet_lite import efficientnet_lite0
from nucseg_tf.models import zoo
from nucseg_tf.registry import FAMILIES
from nucseg_tf.training import initialise as init
from nucseg_tf.training import lite0
from nucseg_tf.training.lite0 import lite0_weights_file, load_lite0
from nucseg_tf.training.torch_file import read_torch

LITE0 = Architecture(filters=8)


def test_imagenet_weights_of_lite0_reach_every_encoder_array():
    network, pretrained = init.initialise(LITE0, "imagenet")
    assert pretrained
    arrays = [
        value
        for name, value in read_torch(lite0_weights_file())
        if not name.endswith("num_batches_tracked")
    ]
    stem = next(v for v in network.weights if v.path.endswith("stem_conv/kernel"))
    np.testing.assert_array_equal(np.asarray(stem), arrays[0].transpose(2, 3, 1, 0))
    last = next(v for v in network.weights if v.path.endswith("block7a_project_bn/moving_variance"))
    assert np.asarray(last).shape == (320,)
    assert not np.allclose(np.asarray(last), 1)


def test_imagenet_features_tell_a_cat_from_noise():
    """With the classification head of the same file: the photograph is some kind of cat."""
    from skimage import data, transform

    network = efficientnet_lite0((224, 224, 3))
    load_lite0(network, lite0_weights_file())
    arrays = dict(read_torch(lite0_weights_file()))
    picture = transform.resize(data.chelsea()[:, 75:375], (224, 224)) * 2 - 1
    features = np.asarray(network(picture[None].astype(np.float32)))
    head = features @ arrays["_conv_head.weight"][:, :, 0, 0].T
    scale = arrays["_bn1.weight"] / np.sqrt(arrays["_bn1.running_var"] + 1e-3)
    head = (head - arrays["_bn1.running_mean"]) * scale + arrays["_bn1.bias"]
    pooled = np.clip(head, 0, 6).mean(axis=(1, 2))
    logits = pooled @ arrays["_fc.weight"].T + arrays["_fc.bias"]
    cats = range(281, 286)  # ImageNet's classes of domestic cats
    assert int(logits.argmax()) in cats


def test_coco_is_refused_with_the_alternatives():
    with pytest.raises(InitialisationError, match="Mask R-CNN"):
        init.initialise(LITE0, "coco")


def test_a_model_with_another_encoder_is_refused_for_its_heads_alone_fit():
    arch = FAMILIES["mask_rcnn"].architecture(encoder="mobilenetv2", filters=128)
    with pytest.raises(InitialisationError, match=r"0 of \d+ arrays fit the encoder mobilenetv2"):
        init.initialise(arch, "mask-rcnn-nuclei")


def test_model_folder_as_start(tmp_path):
    network = zoo.build(LITE0)
    info = zoo.ModelInfo(name="m", architecture=LITE0, diameter=10.0)
    folder = zoo.save_model(tmp_path / "m", info, network, "")
    again, pretrained = init.initialise(LITE0, str(folder))
    assert pretrained
    for one, other in zip(network.weights, again.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setattr(lite0, "LITE0_PACKAGE", "no_such_package")
    with pytest.raises(InitialisationError, match=r"nucseg-tf\[imagenet\]"):
        init.initialise(LITE0, "imagenet")


def test_download_that_fails_names_file_and_place(monkeypatch, tmp_path):
    """A server that does not have the file, in place of the real one."""
    import classification_models.weights as known

    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path))
    address = f"http://127.0.0.1:{server.server_port}/resnet18_imagenet.h5"
    for entry in known.WEIGHTS_COLLECTION:
        monkeypatch.setitem(entry, "url", address)
    try:
        with pytest.raises(InitialisationError, match=r"resnet18_imagenet.*put it"):
            init.initialise(Architecture(encoder="resnet18", filters=8), "imagenet")
    finally:
        server.shutdown()


def test_other_pickles_are_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("run",))

    file = tmp_path / "evil.pth"
    file.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(InitialisationError, match=r"evil\.pth"):
        read_torch(file)
