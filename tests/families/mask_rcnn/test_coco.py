"""A made file in Matterport's layout, and Matterport's network in NumPy-like functions that read
that file: what they give must be what our network gives once it is loaded."""

import functools
import http.server
import threading

import h5py
import keras
import numpy as np
import pytest
from keras import ops

from nucseg_tf.errors import InitialisationError
from nucseg_tf.families.mask_rcnn.anchors import anchors_of
from nucseg_tf.families.mask_rcnn.coco import OURS_ALONE, fold, load_coco, theirs_of
from nucseg_tf.families.mask_rcnn.config import Architecture, Detector
from nucseg_tf.families.mask_rcnn.proposals import run_rpn
from nucseg_tf.models import zoo
from nucseg_tf.registry import FAMILIES
from nucseg_tf.training import initialise as init

FILTERS, RPN, UNITS, MASK = 16, 24, 32, 16  # in place of 256, 512, 1024, 256
ARCH = Architecture(
    family="mask_rcnn",
    encoder="resnet50v1",
    filters=FILTERS,
    detector=Detector(
        rpn_filters=RPN,
        box_units=UNITS,
        mask_cells=14,
        mask_filters=0,
        mask_convolutions=4,
        mask_enlarge=True,
    ),
)
STAGES = {2: ("abc", 64), 3: ("abcd", 128), 4: ("abcdef", 256), 5: ("abc", 512)}  # ResNet50
LITE0 = FAMILIES["fpn2ws"].architecture(filters=8)


# --- the file --------------------------------------------------------------------------------


def convolutions() -> dict[str, tuple[int, ...]]:
    """Kernels of Matterport's Mask R-CNN by layer, with fewer channels beyond the encoder."""
    found = {"conv1": (7, 7, 3, 64)}
    channels = 64
    for stage, (blocks, width) in STAGES.items():
        for block in blocks:
            name = f"res{stage}{block}_branch"
            if block == "a":
                found[f"{name}1"] = (1, 1, channels, 4 * width)
            found[f"{name}2a"] = (1, 1, channels, width)
            found[f"{name}2b"] = (3, 3, width, width)
            found[f"{name}2c"] = (1, 1, width, 4 * width)
            channels = 4 * width
    for level, channels in {2: 256, 3: 512, 4: 1024, 5: 2048}.items():
        found[f"fpn_c{level}p{level}"] = (1, 1, channels, FILTERS)
        found[f"fpn_p{level}"] = (3, 3, FILTERS, FILTERS)
    found["rpn_model/rpn_conv_shared"] = (3, 3, FILTERS, RPN)
    found["rpn_model/rpn_class_raw"] = (1, 1, RPN, 2 * 3)
    found["rpn_model/rpn_bbox_pred"] = (1, 1, RPN, 4 * 3)
    found["mrcnn_class_conv1"] = (7, 7, FILTERS, UNITS)
    found["mrcnn_class_conv2"] = (1, 1, UNITS, UNITS)
    found["mrcnn_class_logits"] = (UNITS, 81)
    found["mrcnn_bbox_fc"] = (UNITS, 4 * 81)
    for number in range(1, 5):
        found[f"mrcnn_mask_conv{number}"] = (3, 3, FILTERS if number == 1 else MASK, MASK)
    found["mrcnn_mask_deconv"] = (2, 2, MASK, MASK)
    found["mrcnn_mask"] = (1, 1, MASK, 81)
    return found


def norm_of(conv: str) -> str | None:
    """The batch normalisation behind a convolution."""
    if conv == "conv1":
        return "bn_conv1"
    if conv.startswith("res"):
        return conv.replace("res", "bn")
    return conv.replace("_conv", "_bn") if conv.startswith("mrcnn") and "_conv" in conv else None


def put(file: h5py.File, layer: str, kind: str, value) -> None:
    """As Keras 2 wrote it: conv1/conv1/kernel:0, but rpn_model/rpn_conv_shared/kernel:0."""
    group = layer if "/" in layer else f"{layer}/{layer}"
    file[f"{group}/{kind}:0"] = np.asarray(value, np.float32)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    rng = np.random.default_rng(1)
    path = tmp_path_factory.mktemp("coco") / "made.h5"
    with h5py.File(path, "w") as file:
        for layer, shape in convolutions().items():
            kernel = rng.standard_normal(shape, np.float32) / np.sqrt(np.prod(shape[:-1]))
            put(file, layer, "kernel", kernel)
            put(file, layer, "bias", rng.normal(size=shape[-1]))
            if norm := norm_of(layer):
                # Some variances are so small that epsilon counts.
                variance = rng.uniform(0.001, 1, shape[-1])
                values = {"gamma": rng.uniform(0.2, 0.5, shape[-1]), "moving_variance": variance}
                for kind in ("beta", "moving_mean"):
                    values[kind] = rng.normal(size=shape[-1])
                for kind, value in values.items():
                    put(file, norm, kind, value)
    yield path
    path.unlink()  # 94 MB


@pytest.fixture(scope="module")
def loaded(weights):
    """Our network with the file's weights, and which of its variables were not set."""
    network = zoo.build(ARCH)
    sentinel = 7.0
    for variable in network.weights:
        variable.assign(np.full(variable.shape, sentinel))
    count = load_coco(network, weights)
    unset = [v.path for v in network.weights if np.all(np.asarray(v) == sentinel)]
    return network, count, unset


@pytest.fixture
def read(weights):
    with h5py.File(weights) as file:

        def array(layer: str, kind: str):
            groups = (f"{layer}/{layer}", f"rpn_model/{layer}")
            return next(file[f"{g}/{kind}:0"][()] for g in groups if g in file)

        yield array


# --- Matterport's network --------------------------------------------------------------------


def conv(read, layer: str, x, stride: int = 1, padding: str = "valid"):
    return ops.conv(x, read(layer, "kernel"), stride, padding) + read(layer, "bias")


def norm(read, layer: str, x):
    gamma, beta, mean, variance = (
        read(layer, kind) for kind in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    return gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta


def bottleneck(read, block: str, x, stride: int):
    """One block; `block` is "2a", "2b", ..."""

    def conv_norm(x, branch: str, stride: int = 1, padding: str = "valid"):
        x = conv(read, f"res{block}_branch{branch}", x, stride, padding)
        return norm(read, f"bn{block}_branch{branch}", x)

    shortcut = conv_norm(x, "1", stride) if block.endswith("a") else x
    x = ops.relu(conv_norm(x, "2a", stride))
    x = ops.relu(conv_norm(x, "2b", padding="same"))
    return ops.relu(conv_norm(x, "2c") + shortcut)


def assert_close(ours, theirs):
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape
    assert theirs.std() > 1e-3  # else anything would do
    np.testing.assert_allclose(ours, theirs, atol=1e-4 * np.abs(theirs).max())


def random_features(*shape: int) -> np.ndarray:
    return np.random.default_rng(2).standard_normal(shape, np.float32)


# --- same function ---------------------------------------------------------------------------


def test_stem(loaded, read):
    encoder = loaded[0].backbone.get_layer("encoder")
    image = random_features(1, 64, 96, 3)
    padded = np.pad(image, ((0, 0), (3, 3), (3, 3), (0, 0)))
    expected = ops.relu(norm(read, "bn_conv1", conv(read, "conv1", padded, stride=2)))
    assert_close(encoder(image)[0], expected)


def test_every_block_of_the_encoder(loaded, read):
    """From the pooled stem on; the pooling itself differs, see `test_first_pooling`."""
    encoder = loaded[0].backbone.get_layer("encoder")
    pooled = encoder.get_layer("pool1_pool").output
    x, *stages = keras.Model(encoder.input, [pooled, *encoder.outputs[1:]])(
        random_features(1, 64, 96, 3)
    )
    for (stage, (blocks, _)), ours in zip(STAGES.items(), stages, strict=True):
        for block in blocks:
            stride = 2 if block == "a" and stage > 2 else 1
            x = bottleneck(read, f"{stage}{block}", x, stride)
        assert_close(ours, x)


def test_first_pooling_looks_one_pixel_further_up_and_left_than_theirs(loaded):
    """keras.applications pads by one pixel on each side, "same" (theirs) at the far side only."""
    encoder = loaded[0].backbone.get_layer("encoder")
    pool = keras.Sequential([encoder.get_layer("pool1_pad"), encoder.get_layer("pool1_pool")])
    ramp = np.broadcast_to(np.arange(8.0, dtype=np.float32)[:, None], (8, 8))[None, ..., None]
    assert np.asarray(pool(ramp))[0, :, 0, 0].tolist() == [1, 3, 5, 7]
    assert np.asarray(ops.max_pool(ramp, 3, 2, "same"))[0, :, 0, 0].tolist() == [2, 4, 6, 7]


def test_pyramid(loaded, read):
    backbone = loaded[0].backbone
    image = np.random.default_rng(3).uniform(size=(1, 64, 128, 1)).astype(np.float32)
    encoder = backbone.get_layer("encoder")
    scaled = np.repeat(255 * image - 114, 3, -1)
    stages = dict(zip((2, 3, 4, 5), encoder(scaled)[1:], strict=True))
    merged, expected = None, []
    for level in (5, 4, 3, 2):
        lateral = conv(read, f"fpn_c{level}p{level}", stages[level])
        if merged is not None:
            lateral = lateral + ops.repeat(ops.repeat(merged, 2, 1), 2, 2)
        merged = lateral
        expected.insert(0, conv(read, f"fpn_p{level}", merged, padding="same"))
    expected.append(expected[-1][:, ::2, ::2])
    for ours, theirs in zip(backbone(image), expected, strict=True):
        assert_close(ours, theirs)


def test_proposal_network_scores_object_less_background_in_the_same_order(loaded, read):
    levels = [random_features(2, 4, 6, FILTERS), random_features(2, 2, 3, FILTERS)]
    logits, offsets = run_rpn(loaded[0].rpn, levels)
    theirs = []
    for level in levels:
        shared = ops.relu(conv(read, "rpn_conv_shared", level, padding="same"))
        two = ops.reshape(conv(read, "rpn_class_raw", shared), (2, -1, 2))
        boxes = ops.reshape(conv(read, "rpn_bbox_pred", shared), (2, -1, 4))
        theirs.append((ops.softmax(two)[..., 1], boxes))
    probability, boxes = (ops.concatenate(parts, 1) for parts in zip(*theirs, strict=True))
    assert_close(ops.sigmoid(logits), probability)
    assert_close(offsets, boxes)


def test_anchors_are_theirs_but_for_half_a_cell():
    """Theirs are centred on the corners of the cells; heights come of size / sqrt(ratio)."""
    expected = []
    for row in (0, 16):
        for column in (0, 16, 32):
            for ratio in (0.5, 1, 2):
                half = np.array([32 / np.sqrt(ratio), 32 * np.sqrt(ratio)]) / 2
                centre = np.array([row, column])
                expected.append([*(centre - half), *(centre + half)])
    np.testing.assert_allclose(anchors_of(32, 48, (16,), (32,), (0.5, 1, 2)) - 8, expected, 1e-6)


def test_box_head_with_its_normalisations_folded(loaded, read):
    head = loaded[0].box_head
    features = random_features(5, 7, 7, FILTERS)
    x = features
    for number in (1, 2):
        x = conv(read, f"mrcnn_class_conv{number}", x)
        x = ops.relu(norm(read, f"mrcnn_class_bn{number}", x))
    ours = keras.Model(head.input, head.get_layer("box_dense2").output)(features)
    assert_close(ours, x[:, 0, 0])


def test_mask_head_with_its_normalisations_folded(loaded, read):
    head = loaded[0].mask_head
    features = random_features(2, 14, 14, FILTERS)
    x = features
    for number in range(1, 5):
        x = conv(read, f"mrcnn_mask_conv{number}", x, padding="same")
        x = ops.relu(norm(read, f"mrcnn_mask_bn{number}", x))
    # Transposed convolution: each input pixel c becomes 2 x 2 output pixels (a, b) of channels d.
    enlarged = np.einsum("nijc,abdc->niajbd", x, read("mrcnn_mask_deconv", "kernel"))
    enlarged = enlarged.reshape(2, 28, 28, MASK) + read("mrcnn_mask_deconv", "bias")
    ours = keras.Model(head.input, head.get_layer("mask_enlarge").output)(features)
    assert_close(ours, np.maximum(enlarged, 0))


def test_fold_by_hand():
    """(2 x + 1 - 4) / sqrt(3.999 + 0.001) * 6 + 5 = 6 x - 4."""
    one = functools.partial(np.full, 1, dtype=np.float32)
    found = fold(np.full((1, 1, 1, 1), 2.0), one(1), one(6), one(5), one(4), one(3.999))
    assert found["kernel"].item() == pytest.approx(6)
    assert found["bias"].item() == pytest.approx(-4)


# --- all of it -------------------------------------------------------------------------------


def test_all_is_set_but_what_depends_on_classes(loaded):
    network, count, unset = loaded
    assert sorted(path.split("/")[-2] for path in unset) == sorted([*OURS_ALONE] * 2)
    assert count == len(network.weights) - len(unset)
    encoder = network.backbone.get_layer("encoder")
    assert len(encoder.weights) == 53 * 2 + 53 * 4  # convolutions, normalisations


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("conv2_block1_0_conv", "res2a_branch1"),
        ("conv3_block4_2_bn", "bn3d_branch2b"),
        ("conv4_block2_1_conv", "res4b_branch2a"),
        ("conv4_block23_3_bn", "bn4w_branch2c"),  # the last one of ResNet101
        ("mask_conv4", "mrcnn_mask_conv4"),
        ("fpn_lateral32", "fpn_c5p5"),
        ("stage1_unit1_conv1", None),  # segmentation-models' ResNet
    ],
)
def test_names(ours, theirs):
    assert theirs_of(ours) == theirs


def test_nesting_does_not_matter(loaded, weights, tmp_path):
    """A whole model, saved by Keras 2, has its weights one group deeper."""
    whole = tmp_path / "whole.h5"
    with h5py.File(weights) as source, h5py.File(whole, "w") as file:
        for layer in source:
            source.copy(layer, file, f"model_weights/{layer}")
    network, count, _ = loaded
    assert load_coco(network, whole) == count
    whole.unlink()


# --- what does not fit -----------------------------------------------------------------------


@pytest.fixture
def small(tmp_path):
    """Writes a file with a few arrays."""

    def write(**kernels) -> str:
        path = tmp_path / "small.h5"
        with h5py.File(path, "w") as file:
            for layer, shape in kernels.items():
                put(file, layer, "kernel", np.ones(shape))
                put(file, layer, "bias", np.ones(shape[-1]))
        return path

    return write


def test_shapes_that_do_not_fit_are_named_and_nothing_is_set(loaded, small):
    network = loaded[0]
    before = np.asarray(network.weights[0])
    file = small(conv1=(7, 7, 3, 32))
    message = r"small.h5: conv1/kernel.*conv1_conv shape \(7, 7, 3, 32\).*\(7, 7, 3, 64\).*_paper"
    with pytest.raises(InitialisationError, match=message):
        load_coco(network, file)
    np.testing.assert_array_equal(np.asarray(network.weights[0]), before)


def test_missing_layers_are_named(loaded, small):
    with pytest.raises(InitialisationError, match=r"lacks bn_conv1/gamma.*conv1_bn.*_paper"):
        load_coco(loaded[0], small(conv1=(7, 7, 3, 64)))


def test_resnet101_into_resnet50_is_refused(loaded, small):
    blocks = {f"res4{block}_branch2a": (1, 1, 1024, 256) for block in "abcdefgh"}
    with pytest.raises(InitialisationError, match=r"2 blocks more.*res4g_branch2a.*_paper"):
        load_coco(loaded[0], small(**blocks))


def test_other_encoder_is_refused(small):
    network = zoo.build(Architecture(filters=8))
    with pytest.raises(InitialisationError, match=r"network's stem_conv.*_paper"):
        load_coco(network, small(conv1=(7, 7, 3, 64)))


def test_files_that_are_none(loaded, tmp_path):
    text = tmp_path / "text.h5"
    text.write_text("hello")
    with pytest.raises(InitialisationError, match=r"text\.h5.*HDF5"):
        load_coco(loaded[0], text)
    with pytest.raises(InitialisationError, match=r"none\.h5"):
        load_coco(loaded[0], tmp_path / "none.h5")


# --- --init ----------------------------------------------------------------------------------


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """No COCO weights anywhere."""
    monkeypatch.delenv("NUCSEG_COCO", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("source", ["path", "variable", "folder"])
def test_init_finds_the_file(source, nowhere, loaded, weights, monkeypatch):
    monkeypatch.setattr(init.zoo, "build", lambda arch: loaded[0])
    if source == "variable":
        monkeypatch.setenv("NUCSEG_COCO", str(weights))
    if source == "folder":
        (nowhere / "models").mkdir()
        (nowhere / "models" / "mask_rcnn_coco.h5").symlink_to(weights)
    network, pretrained = init.initialise(ARCH, str(weights) if source == "path" else "coco")
    assert network is loaded[0]
    assert pretrained


def test_init_coco_says_where_the_file_comes_from_and_goes(nowhere, monkeypatch):
    message = r"models/mask_rcnn_coco\.h5 is missing.*matterport/Mask_RCNN/releases.*NUCSEG_COCO"
    with pytest.raises(InitialisationError, match=message):
        init.initialise(ARCH, "coco")
    monkeypatch.setenv("NUCSEG_COCO", "/no/such.h5")
    with pytest.raises(InitialisationError, match=r"NUCSEG_COCO names /no/such\.h5"):
        init.initialise(ARCH, "coco")


@pytest.mark.parametrize("source", ["coco", "some.h5"])
def test_other_families_are_refused(source):
    with pytest.raises(InitialisationError, match=r"for Mask R-CNN, not for fpn2ws.*imagenet"):
        init.initialise(LITE0, source)


def test_imagenet_download_of_resnet50v1_that_fails_names_file_and_place(nowhere, monkeypatch):
    """A server that does not have the file, in place of Keras'."""
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(nowhere))
    address = f"http://127.0.0.1:{server.server_port}/"
    monkeypatch.setattr("keras.src.applications.resnet.BASE_WEIGHTS_PATH", address)
    try:
        with pytest.raises(InitialisationError, match=r"resnet50_weights.*notop\.h5.*put it"):
            init.initialise(ARCH, "imagenet")
    finally:
        server.shutdown()
