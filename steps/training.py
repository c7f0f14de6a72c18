"""Steps about trained models and their tracked runs."""

from pytest_bdd import given, parsers, then

EPOCH_METRICS = ("accuracy", "loss", "val_accuracy", "val_loss", "epoch_seconds")


@given("the model trained on the CPU", target_fixture="run")
def cpu_model(cpu_run):
    return cpu_run


@given("the model trained on the GPU", target_fixture="run")
def gpu_model(gpu_run):
    return gpu_run


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


@then("its held-out accuracy is reported")
def held_out_accuracy_is_reported(run, figures):
    figures("held-out accuracy", f"{run.held_out_accuracy:.1%}")
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
