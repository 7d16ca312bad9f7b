"""What holds for every operation and policy, alone and inside tf.data."""

import inspect

import numpy as np
import pytest
import tensorflow as tf
from reference.drawn import drawn_nuclei

from nucseg_tf.config import SHIPPED, Policy, policy_values
from nucseg_tf.data.augment import LIMITS, OPERATION, apply_steps, compile_steps
from nucseg_tf.policy import OPERATIONS, check_steps
from nucseg_tf.types import IGNORED

POLICIES = sorted(file.stem for file in (SHIPPED / "policies").glob("*.yaml"))
GEOMETRY = {"flip_left_right", "flip_up_down", "rotate90", "resize", "rotate", "elastic"}


@pytest.fixture(scope="module")
def roi():
    image, labels = drawn_nuclei()
    side = min(image.shape) // 32 * 32
    image = image[:side, :side, None] / np.float32(200)
    return tf.constant(image, tf.float32), tf.constant(labels[:side, :side], tf.int32)


def steps_of(policy: str) -> list:
    return Policy(**policy_values(policy)).steps


def in_tf_data(steps, roi, count: int, threads: int) -> list:
    augment = compile_steps(steps)
    data = tf.data.Dataset.range(count).map(
        lambda n: augment(*roi, tf.stack([1, tf.cast(n, tf.int32)])),
        num_parallel_calls=threads,
        deterministic=True,
    )
    return [(image.numpy(), labels.numpy()) for image, labels in data]


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_keeps_its_contract_and_is_the_same_compiled_in_tf_data(name, roi):
    steps = check_steps([name])
    found = in_tf_data(steps, roi, 4, threads=2)
    for number, (image, labels) in enumerate(found):
        eager = apply_steps(steps, *roi, tf.constant([1, number]))
        np.testing.assert_allclose(image, eager[0], atol=5e-5)  # two inverses of the error function
        np.testing.assert_array_equal(labels, eager[1])
        assert image.shape == roi[0].shape
        assert image.dtype == np.float32
        assert labels.dtype == np.int32
        assert LIMITS[0] <= image.min() <= image.max() <= LIMITS[1]
        assert {*np.unique(labels)} <= {*np.unique(roi[1]), IGNORED}
        if name not in GEOMETRY:
            np.testing.assert_array_equal(labels, roi[1])


@pytest.mark.parametrize("name", sorted(GEOMETRY))
def test_image_and_labels_move_alike(name, roi):
    labels = roi[1]
    image = tf.cast(labels > 0, tf.float32)[..., None]
    for number in range(5):
        moved, moved_labels = apply_steps(check_steps([name]), image, labels, [number, 9])
        known = moved_labels.numpy() != IGNORED
        differs = (moved.numpy()[..., 0] > 0.5) != (moved_labels.numpy() > 0)
        assert differs[known].mean() < 0.02  # pixels on edges, by interpolation


@pytest.mark.parametrize("policy", ["simple", "wide", "full_mild"])
def test_nuclei_remain_brighter_than_noisy_ground(policy, roi):
    noise = np.random.default_rng(1).normal(0, 0.02, roi[0].shape).astype(np.float32)
    for image, labels in in_tf_data(steps_of(policy), (roi[0] + noise, roi[1]), 24, threads=2):
        known = labels >= 0
        # 0.98 before; under `full` half of them are below 0.2, for CLAHE raises noise to full range
        assert np.corrcoef(image[known][:, 0], labels[known] > 0)[0, 1] > 0.7


def operations_of(steps) -> set:
    found = set()
    for step in steps:
        ((name, content),) = step.items()
        inner = content["steps"] if name == "sometimes" else content
        found |= {name} if name in OPERATIONS else operations_of(inner)
    return found


def test_full_mild_has_the_operations_of_full():
    assert operations_of(steps_of("full_mild")) == operations_of(steps_of("full"))


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_is_the_same_for_any_number_of_threads(policy, roi):
    one = in_tf_data(steps_of(policy), roi, 6, threads=1)
    four = in_tf_data(steps_of(policy), roi, 6, threads=4)
    for (image, labels), (other, others) in zip(one, four, strict=True):
        np.testing.assert_array_equal(image, other)
        np.testing.assert_array_equal(labels, others)


def test_no_operation_leaves_the_graph(roi):
    graph = tf.function(lambda seed: apply_steps(check_steps([*OPERATIONS]), *roi, seed))
    definition = graph.get_concrete_function(tf.TensorSpec((2,), tf.int32)).graph.as_graph_def()
    kinds = {node.op for node in definition.node}
    kinds |= {node.op for function in definition.library.function for node in function.node_def}
    assert "DenseBincount" in kinds
    assert not {kind for kind in kinds if "PyFunc" in kind}


def test_none_only_clips(roi):
    image, labels = apply_steps(steps_of("none"), *roi, [1, 2])
    np.testing.assert_array_equal(image, np.clip(roi[0], *LIMITS))
    np.testing.assert_array_equal(labels, roi[1])


def test_one_of_chooses_each_about_equally_often(roi):
    steps = check_steps([{"one_of": [{"add": {"value": v}} for v in (0.1, 0.2, 0.3)]}])
    image = tf.zeros_like(roi[0])
    chosen = [float(i[0, 0, 0]) for i, _ in in_tf_data(steps, (image, roi[1]), 300, 2)]
    counts = np.unique(np.round(chosen, 1), return_counts=True)[1]
    assert len(counts) == 3
    assert counts.min() > 75


def test_sometimes_has_its_probability_and_sequence_runs_all(roi):
    inner = {"sequence": [{"add": {"value": 0.25}}, {"multiply": {"factor": 2}}]}
    steps = check_steps([{"sometimes": {"probability": 0.25, "steps": [inner]}}])
    image = tf.zeros_like(roi[0])
    values = [float(i[0, 0, 0]) for i, _ in in_tf_data(steps, (image, roi[1]), 400, 2)]
    assert {*values} == {0.0, 0.5}
    assert np.mean(values) / 0.5 == pytest.approx(0.25, abs=0.07)


def test_draws_of_equal_steps_are_apart(roi):
    noise = {"gaussian_noise": {"sigma": 0.1}}
    image = tf.zeros_like(roi[0])
    (once, _), (twice, _) = (
        apply_steps(check_steps([noise] * count), image, roi[1], [1, 2]) for count in (1, 2)
    )
    assert np.std(twice) == pytest.approx(np.sqrt(2) * np.std(once), rel=0.1)


def test_every_operation_takes_the_ranges_that_the_schema_lists():
    for name, parameters in OPERATIONS.items():
        arguments = [*inspect.signature(OPERATION[name]).parameters]
        assert arguments == ["image", "labels", "seed", *parameters], name
