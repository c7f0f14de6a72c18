"""Runs of the suite that tests look at while they go on, and what a run comes to on this machine."""

import contextlib
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import requests

from acceptance.paths import ROOT
from acceptance.waiting import Ready, wait_until
from tests.prepared import run_prepared
from tools.suite_run import WITH_PARENT, SuiteRun, command, environment, run_suite

# a run of a made-up stack takes some seconds
MADE_UP_SECONDS = 60
# how soon a step fails after what it waits for has died; a load goes on for longer
AT_ONCE = 10
# a server that takes connections and says nothing is named within 30 s, and this machine may be busy with other tests
SILENT_SECONDS = 60
# options of runs that are about something else than the training: a light model takes a third of the time
LIGHT = ("-p", "tests.light_training")
# the scenarios that are skipped where there is no GPU, those about Docker apart
WITHOUT_A_GPU = {
    "the_nodes_driver_is_new_enough",
    "containers_get_nvidias_runtime",
    "the_node_is_labelled",
    "the_device_plugin_runs_on_the_node",
    "the_node_gives_out_its_gpus",
    "a_pod_gets_the_gpu",
    "tensorflow_in_the_trainers_image_lists_the_gpu",
    "the_cudavectoradd_pod_passes",
    "the_gpu_model_learns",
    "the_gpu_trains_60_epochs_in_the_time_of_the_cpus_10",
    "the_second_recipe_reaches_96__on_heldout_images",
    "triton_sees_the_gpu",
    "a_new_version_of_the_model_takes_over_on_the_gpu",
    "the_models_instance_is_on_the_gpu",
    "onnx_runtime_computes_on_the_gpu",
    "the_gpu_answers_faster_than_the_cpu",
}
# those that are skipped where the suite makes the predictors itself
WITHOUT_KSERVE = {
    "the_inferenceservice_becomes_ready",
    "the_web_app_shows_the_inferenceservice_as_ready",
    "a_new_version_of_the_model_takes_over_under_load_replicas[one replica]",
    "a_new_version_of_the_model_takes_over_under_load_replicas[two replicas]",
    "the_predictor_is_stopped_and_resumed",
    "deleting_the_predictor_leaves_nothing",
}
# those that are skipped where the run itself trains and serves the model
WITHOUT_WORKFLOWS = {
    "a_codeset_is_registered_and_its_code_arrives",
    "an_assigned_workflow_builds_trains_and_serves",
    "the_application_answers_the_deer",
    "the_gpus_workflow_trains_and_serves_on_the_gpu",
    "a_wrong_step_fails_its_run_and_is_named",
    "a_push_to_the_codeset_starts_a_new_run",
    "unassigning_stops_new_runs",
    "cleaning_up_takes_what_was_made_and_nothing_else",
}


class RunClock:
    """The seconds since it was made in which a process could run: other programs may hold the cores meanwhile."""

    def __init__(self, pid: int) -> None:
        self.file, self.begun = Path(f"/proc/{pid}/schedstat"), 0.0
        self.begun = self.seconds()

    def seconds(self) -> float:
        """Leave out what the kernel says its main thread has waited for a core."""
        waited = int(self.file.read_text().split()[1]) / 1e9 if self.file.exists() else 0.0
        return time.monotonic() - waited - self.begun


def run_made_up(
    report: Path,
    says: Mapping[str, object],
    *arguments: str,
    drawn: bool = False,
    timeout: float = MADE_UP_SECONDS,
    **variables: str,
) -> SuiteRun:
    """Run scenarios on the made-up stack, to which `says` tells what it does; `drawn`: with the report's plots."""
    told = {"FAKE_STACK": json.dumps(says), "FAKE_STACK_DRAWS": "yes" if drawn else "no", **variables}
    return run_prepared(report, *arguments, plugin="tests.contract.fake_stack", timeout=timeout, **told)


def run_chain(folder: Path, *arguments: str, timeout: float = 300, **variables: str) -> SuiteRun:
    """Run every scenario; once more where the load alone failed, for others use this machine as well."""
    result = run_suite(folder / "report", *arguments, timeout=timeout, **variables)
    if result.code != 1:
        return result
    failed = {name for name, found in result.scenarios().items() if found.outcome in ("failed", "error")}
    if failed != {"the_cpu_predictor_takes_the_tutorials_load"}:
        return result
    return run_suite(folder / "again" / "report", *arguments, timeout=timeout, **variables)


def keras_settings(home: Path) -> Path:
    """Make a home whose Keras settings are another framework's."""
    (home / ".keras").mkdir(parents=True)
    settings = {"backend": "jax", "floatx": "float16", "image_data_format": "channels_first"}
    (home / ".keras" / "keras.json").write_text(json.dumps(settings))
    return home


def problems_of(result: SuiteRun) -> list[str]:
    """Return the list of problems of a run that did not start."""
    assert result.code == 4, result.output
    text, _, _ = result.output.partition("ERROR: ")[2].partition("\n\n")  # pytest's own last line may follow
    lines = text.strip().splitlines()
    return lines[1:] if lines[0].endswith(" problems:") else lines


@dataclass(frozen=True)
class StartedRun:
    """A run that goes on in a folder: its process, its report in `report`, its terminal in `output`."""

    popen: subprocess.Popen
    folder: Path

    @property
    def report(self) -> Path:
        return self.folder / "report"

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text(errors="replace")  # its last character may be half written

    def wait_for_log(self, pattern: str, seconds: float = 400) -> None:
        """Wait until a log of that name is in the report: it tells how far the run is.

        A real training may come before it, on a machine that others use.
        """

        def state() -> Ready[None] | str:
            found = list((self.report / "logs").glob(f"{pattern}.log"))
            assert found or self.popen.poll() is None, self.output
            return Ready(None) if found else "not yet"

        wait_until(f"{pattern} to start", state, seconds)

    def wait_for_failure(self, seconds: float = 30) -> None:
        """Wait until a step is shown as failed."""
        wait_until("a step to fail", lambda: Ready(None) if "    ✗ " in self.output else self.output, seconds)

    def wait_for_end(self, seconds: float = 60) -> int:
        """Return the exit code of a run that was told to end."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the run went on for {seconds} s:\n{self.output}") from None


@contextlib.contextmanager
def started_suite(folder: Path, *arguments: str, plugin: str = "", **variables: str) -> Iterator[StartedRun]:
    """Start a run of the features; it is killed on the way out where it still goes on."""
    with (folder / "output").open("wb") as output:
        popen = subprocess.Popen(
            [*WITH_PARENT, *command(folder / "report", *arguments, plugin=plugin)],
            cwd=ROOT,
            env=environment(**variables),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield StartedRun(popen, folder)
    finally:
        popen.kill()
        popen.wait()


def check_kept(result: SuiteRun) -> None:
    """See that a run with --keep left MLflow and Triton up, and remove them."""
    try:
        assert result.code == 0, result.output
        tracking = re.search(r"^MLflow: (\S+)$", result.output, re.MULTILINE)
        predictor = re.search(r"^Triton on the CPU: (\S+)/infer, gRPC ", result.output, re.MULTILINE)
        assert tracking, result.output
        assert predictor, result.output
        assert requests.get(f"{tracking[1]}/health", timeout=10).status_code == 200
        assert json.loads(requests.get(predictor[1], timeout=10).text)["name"] == "cifar10"
    finally:
        remove_kept(result)


def remove_kept(result: SuiteRun | StartedRun) -> None:
    """Remove what a run with --keep left, with the line that the user gets."""
    remove = re.search(r"^remove: (.+)$", result.output, re.MULTILINE)
    assert remove, result.output
    subprocess.run(remove[1], shell=True, check=True, env=os.environ, timeout=60)  # noqa: S602 - it is a shell's line
