"""The second recipe's parts: augmentation, schedule, network, and the view that held-out images get."""

import importlib

import numpy as np
import pytest
import yaml

from acceptance.paths import CODESET
from acceptance.training.project import project_options
from acceptance.training.recipes import BEYOND


def split(codeset, count=40):
    """Images that no shift, flip or hole leaves as they were."""
    random = np.random.default_rng(1)
    images = random.integers(1, 256, (count, 32, 32, 3)).astype(np.uint8)
    return codeset.data.Split(images, np.arange(count) % 10)


# --- as a project


def test_the_suite_asks_for_what_the_entry_point_does_by_itself(codeset):
    project = yaml.safe_load((CODESET / "MLproject").read_text())
    declared = project["entry_points"][BEYOND.entry_point]["parameters"]
    defaults = {name: str(given["default"]) for name, given in declared.items() if name != "data"}
    assert defaults == BEYOND.parameters
    assert BEYOND.profile == codeset.resnet.PROFILES[0]


def test_mlflow_is_told_the_entry_point():
    options = project_options("gpu-beyond-1", BEYOND, "/data")
    assert options[options.index("--entry-point") + 1] == "beyond"
    assert "data=/data" in options


# --- augmentation


def test_the_middle_window_is_the_image_itself(codeset):
    images = split(codeset).images
    middle = np.full(len(images), codeset.augment.SHIFT)
    same = codeset.augment.crop_and_flip(images, middle, middle, np.zeros(len(images), bool)).numpy()
    assert (same == images).all()


def test_a_flipped_image_is_its_mirror_image_and_the_others_stay(codeset):
    images = split(codeset).images
    middle = np.full(len(images), codeset.augment.SHIFT)
    flip = np.arange(len(images)) % 2 == 0
    made = codeset.augment.crop_and_flip(images, middle, middle, flip).numpy()
    assert (made[flip] == images[flip, :, ::-1]).all()
    assert (made[~flip] == images[~flip]).all()


@pytest.mark.parametrize(("down", "right"), [(0, 4), (4, 0), (8, 8), (1, 7)])
@pytest.mark.parametrize("flip", [False, True])
def test_a_window_is_cut_from_the_image_mirrored_at_its_edges(codeset, down, right, flip):
    images = split(codeset, 3).images
    made = codeset.augment.crop_and_flip(
        images, np.array([4, down, 4]), np.array([4, right, 4]), np.array([False, flip, False])
    ).numpy()
    padded = np.pad(images[1], ((4, 4), (4, 4), (0, 0)), mode="reflect")
    window = padded[down : down + 32, right : right + 32]
    assert (made[1] == (window[:, ::-1] if flip else window)).all()
    assert (made[[0, 2]] == images[[0, 2]]).all()


def test_a_hole_is_12_by_12_where_it_was_asked_for(codeset):
    images = np.ones((2, 32, 32, 3), np.float32)
    made = codeset.augment.cut_out(images, np.array([0, 20]), np.array([3, 20])).numpy()
    expected = images.copy()
    expected[0, 0:12, 3:15] = 0
    expected[1, 20:32, 20:32] = 0
    assert (made == expected).all()


def test_every_shift_corner_and_side_comes_up(codeset):
    """The draws' ends: 0 and just below 1 reach the first and the last of each, and none beyond."""
    images = split(codeset, 2).images
    draws = np.array([[0.0, 0.999999]] * 5, np.float32)
    made = codeset.augment.augmented(images, draws).numpy()
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="reflect")
    first = codeset.augment.normalised(padded[:1, :32, :32][:, :, ::-1]).numpy()[0]
    last = codeset.augment.normalised(padded[1:, 8:, 8:]).numpy()[0]
    first[:12, :12] = 0
    last[20:, 20:] = 0
    np.testing.assert_allclose(made, [first, last], atol=1e-5)


def some_batches(codeset, seed, count=6):
    batches = codeset.augment.training_batches(split(codeset), 16, seed).take(count)
    return [(images.numpy(), labels.numpy()) for images, labels in batches]


def test_the_same_seed_makes_the_same_batches_and_another_one_others(codeset):
    first, again, other = (some_batches(codeset, seed) for seed in (1, 1, 2))
    assert all((a == b).all() for one, two in zip(first, again, strict=True) for a, b in zip(one, two, strict=True))
    assert not any((a[0] == b[0]).all() for a, b in zip(first, other, strict=True))


def test_batches_have_one_shape_and_go_on_past_the_end_of_the_images(codeset):
    batches = some_batches(codeset, 1, count=20)  # 320 images of 40
    assert {images.shape for images, _ in batches} == {(16, 32, 32, 3)}
    assert {labels.shape for _, labels in batches} == {(16, 10)}
    seen = np.concatenate([labels for _, labels in batches]).argmax(axis=1)
    assert (np.bincount(seen, minlength=10) == 32).all()  # each image once in a round


def test_an_image_keeps_its_label_and_looks_different_each_time(codeset):
    """Each image has one colour of its own, which survives crops and flips."""
    colours = np.arange(40, dtype=np.uint8) * 6
    labels = np.random.default_rng(3).integers(0, 10, 40)
    images = np.broadcast_to(colours[:, None, None, None], (40, 32, 32, 3))
    looks: dict[int, set[bytes]] = {}
    for made, told in codeset.augment.training_batches(codeset.data.Split(images, labels), 40, seed=1).take(4):
        plain = codeset.augment.normalised(colours[:, None, None, None] * np.ones(3, np.uint8)).numpy()[:, 0, 0]
        for image, label in zip(made.numpy(), told.numpy(), strict=True):
            edges = image[[0, 0, -1, -1], [0, -1, 0, -1]]  # a hole covers one corner at most
            number = int(np.abs(plain[:, None] - edges).max(axis=2).min(axis=1).argmin())
            assert label.argmax() == labels[number]
            assert (image == 0).all(axis=2).sum() == 144
            looks.setdefault(number, set()).add((image == 0).tobytes())
    assert len(looks) == 40
    assert sum(map(len, looks.values())) > 140


def test_held_out_images_are_only_scaled_and_each_comes_once_in_order(codeset):
    given = split(codeset)
    batches = list(codeset.augment.held_out_batches(given, 15))
    images = np.concatenate([batch[0].numpy() for batch in batches])
    labels = np.concatenate([batch[1].numpy() for batch in batches])
    back = (images * codeset.augment.DEVIATION + codeset.augment.MEAN) * 255
    np.testing.assert_allclose(back, given.images, atol=1e-3)
    assert (labels.argmax(axis=1) == given.labels).all()
    assert (labels.sum(axis=1) == 1).all()


# --- schedule and optimiser


def test_the_schedule_starts_at_0_peaks_after_a_tenth_and_ends_at_0(codeset):
    steps = 98 * 56
    rates = np.array(
        [float(codeset.network.OneCycle(0.4, steps, share=0.1)(step)) for step in (0, 274, 549, 3019, steps)]
    )
    np.testing.assert_allclose(rates, [0, 0.4 * 274 / 549, 0.4, 0.4 * 2469 / 4939, 0], atol=1e-6)


def test_the_quick_profiles_schedule_still_peaks_after_30_percent(codeset):
    schedule = codeset.network.OneCycle(0.05, 1000)
    assert [round(float(schedule(step)), 6) for step in (0, 150, 300, 650, 1000)] == [0, 0.025, 0.05, 0.025, 0]
    again = codeset.network.OneCycle.from_config(codeset.network.OneCycle(0.4, 1000, share=0.1).get_config())
    assert float(again(100)) == pytest.approx(0.4)


def test_the_model_is_compiled_as_the_recipe_says(codeset):
    model = codeset.resnet.build("beyond-eighth", 1000, 256, normalised(codeset))
    optimizer = model.optimizer
    assert (optimizer.momentum, optimizer.nesterov, optimizer.weight_decay) == (0.9, True, 0.01)
    assert float(model.optimizer._learning_rate(100)) == pytest.approx(0.2)  # half the batch, half the step
    assert (model.loss.label_smoothing, model.jit_compile) == (0.2, False)


# --- network


def normalised(codeset):
    return codeset.augment.normalised(split(codeset, 200).images).numpy()


def test_the_network_has_the_parameters_and_the_cost_that_it_is_said_to_have(codeset):
    body = codeset.resnet.body("beyond", normalised(codeset))
    convolutions = [layer for layer in body.layers if type(layer).__name__ == "Conv2D"]
    assert len(convolutions) == 10
    assert sum(int(np.prod(weight.shape)) for weight in body.trainable_weights) == 12_717_464
    assert [layer.name for layer in convolutions if not layer.trainable] == ["whiten"]
    costs = [int(np.prod(layer.kernel.shape)) * layer.output.shape[1] * layer.output.shape[2] for layer in convolutions]
    assert sum(costs) == pytest.approx(0.615e9, rel=0.01)


def test_logits_have_one_number_a_class_and_start_small(codeset):
    model = codeset.resnet.build("beyond-eighth", 10, 512, normalised(codeset))
    logits = model.predict(normalised(codeset)[:7], verbose=0)
    assert logits.shape == (7, 10)
    assert 0 < np.abs(logits).max() < 1


def test_whitened_patches_have_variance_1_in_each_direction_and_none_in_common(codeset):
    smooth = np.cumsum(np.random.default_rng(5).normal(size=(300, 32, 32, 3)), axis=1).astype(np.float32)
    kernel = codeset.whitening.whitening(smooth, side=2, count=12, floor=5e-4).reshape(12, 24)
    windows = np.lib.stride_tricks.sliding_window_view(smooth, (2, 2), (1, 2))  # type: ignore[call-overload]
    patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, 12)
    whitened = patches @ kernel[:, :12]
    np.testing.assert_allclose(whitened.T @ whitened / len(whitened), np.eye(12), atol=0.01)
    assert (kernel[:, 12:] == -kernel[:, :12]).all()


def test_offsets_move_64_times_as_fast_as_they_would(codeset):
    keras = importlib.import_module("keras")
    moved = []
    for haste in (1.0, codeset.resnet.HASTE):
        layer = codeset.resnet.Offset(haste)
        model = keras.Sequential([keras.Input((3,)), layer])
        model.compile(keras.optimizers.SGD(0.001), loss=lambda told, seen: keras.ops.sum(seen, axis=-1))
        model.fit(np.zeros((4, 3)), np.zeros((4, 3)), batch_size=4, verbose=0)
        moved.append(model.predict(np.zeros((1, 3)), verbose=0))
    np.testing.assert_allclose(moved[1], moved[0] * 64, rtol=1e-5)


# --- test-time flip


def test_a_held_out_image_gets_the_mean_of_itself_and_its_mirror_image(codeset):
    model = codeset.resnet.build("beyond-eighth", 10, 512, normalised(codeset))
    images = normalised(codeset)[:5]
    straight = model.body(images, training=False).numpy()
    mirrored = model.body(images[:, :, ::-1], training=False).numpy()
    assert np.abs(straight - mirrored).max() > 1e-4
    np.testing.assert_allclose(model(images, training=False).numpy(), (straight + mirrored) / 2, atol=1e-5)
    flipped = model(images[:, :, ::-1], training=False).numpy()
    np.testing.assert_allclose(model(images, training=False).numpy(), flipped, atol=1e-5)


def test_training_sees_images_as_they_are(codeset):
    model = codeset.resnet.build("beyond-eighth", 10, 512, normalised(codeset))
    images = normalised(codeset)[:16]
    np.testing.assert_allclose(
        model(images, training=True).numpy(), model.body(images, training=True).numpy(), atol=1e-5
    )
