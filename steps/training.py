"""Steps about trained models and their tracked runs."""

from statistics import median

import numpy as np
from pytest_bdd import given, parsers, then

# a GPU that others leave alone and that does nothing has 0
BUSY_PERCENT = 5
EPOCH_METRICS = ("accuracy", "loss", "val_accuracy", "val_loss", "epoch_seconds")


@given("the model trained on the CPU", target_fixture="run")
def cpu_model(cpu_run):
    return cpu_run


@given("the model trained on the GPU", target_fixture="run")
def gpu_model(gpu_run):
    return gpu_run


@given("one recipe trained on the CPU and on the GPU", target_fixture="runs")
def both_models(runs_of_one_recipe):
    return runs_of_one_recipe


@then("both runs are in one experiment")
def one_experiment(runs, figures):
    found = {device: run.experiment for device, run in runs.items()}
    figures("experiments", ", ".join(f"{device} {experiment}" for device, experiment in found.items()))
    assert len(set(found.values())) == 1, f"MLflow has the runs in different experiments: {found}"


@then(parsers.parse("the GPU's {many:d} epochs took no longer than {few:d} of the CPU's"))
def gpu_epochs_in_cpu_time(runs, many, few, figures):
    cpu, gpu = runs["CPU"], runs["GPU"]
    times = {f"{few} epochs on the CPU": few * cpu.epoch_seconds, f"{many} on the GPU": many * gpu.epoch_seconds}
    for name, seconds in times.items():
        figures(name, f"{seconds:.0f} s")
    figures("reckoned from", f"{cpu.epochs_run} epochs on the CPU ({cpu.recipe.profile}), {gpu.epochs_run} on the GPU")
    assert many * gpu.epoch_seconds <= few * cpu.epoch_seconds, (
        f"an epoch took the GPU {gpu.epoch_seconds:.1f} s and the CPU {cpu.epoch_seconds:.1f} s: "
        + ", ".join(f"{name} {seconds:.0f} s" for name, seconds in times.items())
    )


@then("the GPU was busy while it trained")
def gpu_was_busy(run, figures):
    use = run.gpu_utilisation
    assert use, f"{run} logged no GPU utilisation: it needs psutil and nvidia-ml-py, and no MIG slice"
    # the run starts and exports its models too, which may take longer than a short training
    busy = float(np.percentile(use, 90))
    figures("GPU utilisation", f"{median(use):.0f} % (median of {len(use)}), {busy:.0f} % at the 90th percentile")
    assert busy >= BUSY_PERCENT, f"the GPU was at most {busy:.0f} % busy while {run} trained: it trained elsewhere"


@then(parsers.parse("its held-out accuracy is at least {percent:d} %"))
def held_out_accuracy_is_at_least(run, percent, figures):
    figures("held-out accuracy", f"{run.held_out_accuracy:.1%}")
    figures("training accuracy", f"{run.training_accuracy:.1%}")
    assert run.held_out_accuracy * 100 >= percent, (
        f"{run} reached {run.held_out_accuracy:.1%} held out, not {percent} %"
    )


@then(parsers.parse("its training accuracy is at least {percent:d} %"))
def training_accuracy_is_at_least(run, percent, figures):
    figures("training accuracy", f"{run.training_accuracy:.1%}")
    assert run.training_accuracy * 100 >= percent, (
        f"{run} reached {run.training_accuracy:.1%} in training, not {percent} %"
    )


@then("its held-out accuracy is reported beside it")
def held_out_accuracy_is_reported(run, figures):
    figures("held-out accuracy", f"{run.held_out_accuracy:.1%}")
    figures("over-fit", f"{(run.training_accuracy - run.held_out_accuracy) * 100:.1f} percentage points")
    assert 0 < run.held_out_accuracy <= 1, f"{run} logged {run.held_out_accuracy} as its held-out accuracy"


@then("as many epochs ran as were asked for")
def epochs_ran(run, figures):
    figures("epochs", run.epochs_run)
    assert run.epochs_run == run.recipe.epochs, (
        f"{run} ran {run.epochs_run} epochs of the {run.recipe.epochs} asked for"
    )


@then("the tracked run has the recipe's parameters and the data set's digest")
def run_has_parameters(run, dataset):
    asked = {**run.recipe.parameters, "data_digest": dataset.digest}
    logged = {name: run.parameters.get(name) for name in asked}
    assert run.status == "FINISHED", f"{run} is {run.status} in MLflow"
    assert logged == asked, f"{run} logged {logged}; asked for was {asked}"


@then("it has accuracy, loss and time for each epoch")
def run_has_epoch_metrics(run, figures):
    counts = {metric: len(run.metrics.get(metric, [])) for metric in EPOCH_METRICS}
    assert set(counts.values()) == {run.recipe.epochs}, f"{run} logged {counts} values in {run.recipe.epochs} epochs"
    figures("training took", f"{run.seconds:.0f} s")
    figures("seconds an epoch", " ".join(f"{seconds:.0f}" for seconds in run.metrics["epoch_seconds"]))


@then(parsers.parse("it names the {device} as the device that trained"))
def run_names_device(run, device, figures):
    figures("devices", ", ".join(run.devices))
    kinds = {name.split(":")[0] for name in run.devices}
    wrong = {"CPU": "GPU" in kinds, "GPU": "GPU" not in kinds}[device]
    assert "CPU" in kinds and not wrong, f"{run} saw {run.devices}; the {device} was to train it"


@then("it holds the Keras model and its ONNX export")
def run_holds_models(run, workspace):
    for name in ("keras", "onnx"):
        folder = run.download_model(name, workspace.directory / f"tracked-{name}")
        described = (folder / "MLmodel").read_text()
        assert "signature:" in described, f"{run}: model {name} has no signature:\n{described}"


@given("the model trained by the second recipe", target_fixture="run")
def second_recipes_model(beyond_run):
    return beyond_run


@then(parsers.parse("its training took at most {minutes:d} minutes"))
def training_took_at_most(run, minutes, figures):
    figures("training took", f"{run.seconds:.0f} s")
    assert run.seconds <= minutes * 60, (
        f"{run} took {run.seconds:.0f} s, start and tracking included, not {minutes} min"
    )
