"""The trainer: which recipe a run asks for, the tutorial's two networks, their export, progress, and what it needs."""

import ast
import importlib.metadata
import sys
import tomllib

import numpy as np
import pytest
import yaml
from packaging.requirements import Requirement

from acceptance.paths import CODESET, ROOT
from acceptance.serving.repository import INPUT, OUTPUT
from acceptance.training.recipes import Recipe, recipe_for, times_compare

# --- which recipe


@pytest.mark.parametrize(
    ("stand_in", "profile", "device", "expected"),
    [
        (False, "tutorial", "cpu", Recipe("cpu", "tutorial", epochs=10, batch_size=32)),
        (False, "quick", "cpu", Recipe("cpu", "quick", epochs=2, batch_size=128)),
        (False, "tutorial", "gpu", Recipe("gpu", "tutorial", epochs=60, batch_size=32)),
        (False, "quick", "gpu", Recipe("gpu", "tutorial", epochs=60, batch_size=32)),
        (True, "tutorial", "cpu", Recipe("cpu", "quick", epochs=6, batch_size=32)),
        (True, "quick", "cpu", Recipe("cpu", "quick", epochs=6, batch_size=32)),
        (True, "tutorial", "gpu", Recipe("gpu", "quick", epochs=60, batch_size=32)),
        (True, "quick", "gpu", Recipe("gpu", "quick", epochs=60, batch_size=32)),
    ],
)
def test_the_recipe_of_a_profile_on_a_device(stand_in, profile, device, expected):
    assert recipe_for(device, profile, stand_in) == expected


@pytest.mark.parametrize(
    ("profile", "stand_in", "compare"),
    [("tutorial", False, True), ("quick", False, False), ("tutorial", True, False), ("quick", True, False)],
)
def test_only_one_recipe_on_both_devices_compares_their_times(profile, stand_in, compare):
    cpu, gpu = (recipe_for(device, profile, stand_in) for device in ("cpu", "gpu"))
    assert times_compare(cpu, gpu, stand_in) == compare


# --- networks


NOISE = np.random.default_rng(3).integers(0, 256, (300, 32, 32, 3)).astype(np.uint8)


def convolution(filters, padding, initializer):
    return ("Conv2D", filters, (3, 3), (1, 1), padding, "relu", initializer)


def dense(units, activation, initializer="GlorotUniform"):
    return ("Dense", units, activation, initializer)


POOLING = ("MaxPooling2D", (2, 2), (2, 2), "valid")
LAYERS = {
    "tutorial": [
        convolution(32, "valid", "GlorotUniform"),
        POOLING,
        convolution(64, "valid", "GlorotUniform"),
        POOLING,
        convolution(64, "valid", "GlorotUniform"),
        ("Flatten",),
        dense(64, "relu"),
        dense(10, "linear"),
    ],
    "revised": [
        *(convolution(32, "same", "HeUniform"), convolution(32, "same", "HeUniform"), POOLING, ("Dropout", 0.2)),
        *(convolution(64, "same", "HeUniform"), convolution(64, "same", "HeUniform"), POOLING, ("Dropout", 0.2)),
        *(convolution(128, "same", "HeUniform"), convolution(128, "same", "HeUniform"), POOLING, ("Dropout", 0.2)),
        ("Flatten",),
        dense(128, "relu", "HeUniform"),
        dense(10, "linear"),
    ],
}
OPTIMIZERS = {
    "tutorial": ("Adam", {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "amsgrad": False}),
    "revised": ("SGD", {"learning_rate": 0.001, "momentum": 0.9, "nesterov": False}),
}


def described(layer):
    keys = ("filters", "units", "rate", "kernel_size", "pool_size", "strides", "padding", "activation")
    config = layer.get_config()
    initializer = (config["kernel_initializer"]["class_name"],) if "kernel_initializer" in config else ()
    return (type(layer).__name__, *(config[key] for key in keys if key in config), *initializer)


@pytest.mark.parametrize("profile", LAYERS)
def test_the_network_is_the_tutorials(codeset, profile):
    model = codeset.network.build(profile, 1000, NOISE)
    assert [described(layer) for layer in model.layers] == LAYERS[profile]
    (given,), (made,) = model.inputs, model.outputs
    assert (given.name, given.shape, given.dtype) == (INPUT, (None, 32, 32, 3), "float32")
    assert (model.layers[-1].name, made.shape, made.dtype) == (OUTPUT, (None, 10), "float32")


@pytest.mark.parametrize("profile", LAYERS)
def test_the_network_is_compiled_as_the_tutorials(codeset, profile):
    model = codeset.network.build(profile, 1000, NOISE)
    kind, parameters = OPTIMIZERS[profile]
    config = model.optimizer.get_config()
    assert type(model.optimizer).__name__ == kind
    assert {key: config[key] for key in parameters} == pytest.approx(parameters)
    assert not config["weight_decay"]
    assert type(model.loss).__name__ == "SparseCategoricalCrossentropy"
    assert model.loss.get_config()["from_logits"]
    assert float(model.loss(np.array([0]), np.array([[5.0, 0.0]]))) == pytest.approx(np.log1p(np.exp(-5)), rel=1e-4)


# --- export


# after three steps on noise some logits of `quick` are in the hundreds, where float32 has fewer decimals
@pytest.mark.parametrize(("profile", "share"), [*((name, 1e-7) for name in (*LAYERS, "six")), ("quick", 1e-5)])
def test_a_trained_network_answers_the_same_in_onnx_runtime(codeset, profile, share):
    import onnxruntime

    random = np.random.default_rng(1)
    split = codeset.data.Split(random.integers(0, 256, (24, 32, 32, 3)).astype(np.uint8), np.arange(24) % 10)
    model = codeset.network.build(profile, 3, split.images)
    learnt = [weights for layer in model.layers if layer.trainable for weights in layer.weights]
    untrained = [weights.numpy() for weights in learnt]
    model.fit(codeset.train.batches(split, 8, shuffle=True), epochs=1, verbose=0)
    assert not any((before == now.numpy()).all() for before, now in zip(untrained, learnt, strict=True))

    reference = {}
    codeset.train.log_reference(model, split, lambda file, folder: reference.update({folder: np.load(file)}))
    session = onnxruntime.InferenceSession(
        codeset.export.to_onnx(model).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (given,), (made,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.type, given.shape[1:]) == (INPUT, "tensor(float)", [32, 32, 3])
    assert (made.name, made.type, made.shape[1:]) == (OUTPUT, "tensor(float)", [10])
    (logits,) = session.run(None, {INPUT: split.images.astype(np.float32) / 255})  # 24: the batch is open
    assert np.ptp(logits, axis=0).max() > 0.01  # images differ, so equal logits say something
    np.testing.assert_allclose(logits, reference["reference"], atol=1e-4, rtol=share)


# --- progress


class Clock:
    """Shows the time that a test set it to, in seconds."""

    now = 100.0

    def __call__(self):
        return self.now


def test_progress_says_epoch_accuracy_and_time_left_every_5_seconds(codeset, capsys):
    clock, logged = Clock(), {}
    progress = codeset.train.TrackedProgress(2, 32, clock, lambda metrics, step: logged.update({step: metrics}))
    clock.now += 60  # what comes before training is none of its time
    progress.on_train_begin()
    for epoch in range(2):
        progress.on_epoch_begin(epoch)
        for batch in range(32):
            clock.now += 0.25
            progress.on_train_batch_end(batch, {"accuracy": 0.25 + epoch / 2})
        clock.now += 2  # held-out images
        progress.on_epoch_end(epoch, {"accuracy": 0.3 + epoch / 2, "val_accuracy": 0.2 + epoch / 2})
    assert capsys.readouterr().out.splitlines() == [
        "epoch 1/2: step 20/32, accuracy 0.250, 11 s left",
        "epoch 1/2: accuracy 0.300, held out 0.200, 10 s",
        "epoch 2/2: step 1/32, accuracy 0.750, 10 s left",
        "epoch 2/2: step 21/32, accuracy 0.750, 3 s left",
        "epoch 2/2: accuracy 0.800, held out 0.700, 10 s",
    ]
    assert logged == {
        1: {"accuracy": 0.3, "val_accuracy": 0.2, "epoch_seconds": 10},
        2: {"accuracy": 0.8, "val_accuracy": 0.7, "epoch_seconds": 10},
    }


def test_the_time_taken_is_from_the_networks_making_to_the_last_step_without_the_held_out_images(codeset, capsys):
    clock, logged = Clock(), {}
    taken = codeset.train.TrainingTime(clock, lambda name, value: logged.update({name: value}))
    clock.now += 3  # the network is made
    for _ in range(2):
        clock.now += 10
        taken.on_test_begin()
        clock.now += 2
        taken.on_test_end()
    taken.on_train_end()
    assert logged == {"training_seconds": 23}
    assert capsys.readouterr().out == "trained in 23.0 s, held-out images left out\n"


# --- quick's first layer


def test_quicks_first_layer_whitens_the_images_and_is_not_learnt(codeset):
    smooth = np.cumsum(np.random.default_rng(5).normal(size=(250, 32, 32, 3)), axis=1)
    images = np.clip(128 + 10 * smooth, 0, 255).astype(np.uint8)
    model = codeset.network.build("quick", 10, images)
    layer = model.get_layer("whitened")
    assert not layer.trainable
    kernel, bias = layer.get_weights()
    windows = np.lib.stride_tricks.sliding_window_view(images / np.float32(255), (6, 6), (1, 2))  # type: ignore[call-overload]
    patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, 108)[::7]
    seen = patches @ kernel.reshape(108, 64)[:, :32] + bias[:32]
    assert np.abs(np.corrcoef(seen, rowvar=False) - np.eye(32)).max() < 0.1
    assert (kernel[..., 32:] == -kernel[..., :32]).all()
    assert (bias[32:] == -bias[:32]).all()


# --- its own environment


@pytest.fixture
def named():
    """What the project's own environment names."""
    content = yaml.safe_load((CODESET / "python_env.yaml").read_text())
    return {requirement.name: requirement.specifier for requirement in map(Requirement, content["dependencies"])}


def test_the_projects_own_environment_agrees_with_the_lock(named):
    locked = {one["name"]: one.get("version") for one in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
    disagreeing = {name: str(pin) for name, pin in named.items() if not pin or locked[name] not in pin}
    assert not disagreeing


def test_the_projects_own_environment_has_what_the_codeset_imports(named):
    files = list(CODESET.glob("*.py"))
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text()))]
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    modules = {name.split(".")[0] for name in imported} - sys.stdlib_module_names - {file.stem for file in files}
    assert "tensorflow" in modules
    packages = importlib.metadata.packages_distributions()
    assert [module for module in modules if not set(named) & set(packages[module])] == []


def test_the_projects_own_environment_has_what_mlflow_asks_about_the_gpu(named):
    assert {"psutil", "nvidia-ml-py"} <= set(named)
