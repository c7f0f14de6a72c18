"""Steps about trained models and their tracked runs.

PYTEST_DONT_REWRITE: a failed step says its problem, and no more.
"""

from pytest_bdd import given, parsers, then

from acceptance.training import checks


@given("the model trained on the CPU", target_fixture="run")
def cpu_model(cpu_run):
    return cpu_run


@given("the model trained on the GPU", target_fixture="run")
def gpu_model(gpu_run):
    return gpu_run


@given("the model trained by the second recipe", target_fixture="run")
def second_recipes_model(beyond_run):
    return beyond_run


@given("one recipe trained on the CPU and on the GPU", target_fixture="runs")
def both_models(runs_of_one_recipe):
    return runs_of_one_recipe


@then(parsers.parse("its held-out accuracy is at least {percent:d} %"))
def held_out_accuracy_is_at_least(run, percent, figures):
    figures("held-out accuracy", f"{run.held_out_accuracy:.1%}")
    figures("training accuracy", f"{run.training_accuracy:.1%}")
    assert not (problem := checks.low_accuracy(run, run.held_out_accuracy, percent, "held out")), problem


@then(parsers.parse("its training accuracy is at least {percent:d} %"))
def training_accuracy_is_at_least(run, percent, figures):
    figures("training accuracy", f"{run.training_accuracy:.1%}")
    assert not (problem := checks.low_accuracy(run, run.training_accuracy, percent, "in training")), problem


@then("its held-out accuracy is reported beside it")
def held_out_accuracy_is_reported(run, figures):
    figures("held-out accuracy", f"{run.held_out_accuracy:.1%}")
    figures("over-fit", f"{(run.training_accuracy - run.held_out_accuracy) * 100:.1f} percentage points")
    assert not (problem := checks.no_accuracy(run)), problem


@then("as many epochs ran as were asked for")
def epochs_ran(run, figures):
    figures("epochs", run.epochs_run)
    assert not (problem := checks.wrong_epochs(run)), problem


@then("the tracked run has the recipe's parameters and the data set's digest")
def run_has_parameters(run, dataset):
    assert not (problem := checks.wrong_parameters(run, dataset.digest)), problem


@then("it has accuracy, loss and time for each epoch")
def run_has_epoch_metrics(run, figures):
    figures("training took", f"{run.seconds:.0f} s")
    figures("seconds an epoch", " ".join(f"{seconds:.0f}" for seconds in run.metrics.get("epoch_seconds", [])))
    assert not (problem := checks.missing_metrics(run)), problem


@then(parsers.parse("it names the {device} as the device that trained"))
def run_names_device(run, device, figures):
    figures("devices", ", ".join(run.devices))
    assert not (problem := checks.wrong_device(run, device)), problem


@then("it holds the Keras model and its ONNX export")
def run_holds_models(run, workspace):
    assert not (problem := checks.missing_models(run, workspace.directory)), problem


@then("the GPU was busy while it trained")
def gpu_was_busy(run, figures):
    figures("GPU utilisation", checks.utilisation(run))
    assert not (problem := checks.idle_gpu(run)), problem


@then(parsers.parse("its training took at most {minutes:d} minutes"))
def training_took_at_most(run, minutes, figures):
    figures("training took", f"{run.seconds:.0f} s")
    assert not (problem := checks.slow_training(run, minutes)), problem


@then("both runs are in one experiment")
def one_experiment(runs, figures):
    figures("experiments", ", ".join(f"{device} {run.experiment}" for device, run in runs.items()))
    assert not (problem := checks.different_experiments(runs)), problem


@then(parsers.parse("the GPU's {many:d} epochs took no longer than {few:d} of the CPU's"))
def gpu_epochs_in_cpu_time(runs, many, few, figures):
    cpu, gpu = runs["CPU"], runs["GPU"]
    for name, seconds in checks.epoch_times(cpu, gpu, many, few).items():
        figures(name, f"{seconds:.0f} s")
    figures("computed from", f"{cpu.epochs_run} epochs on the CPU ({cpu.recipe.profile}), {gpu.epochs_run} on the GPU")
    assert not (problem := checks.slow_gpu(cpu, gpu, many, few)), problem
