"""What happens to a run while its cluster misbehaves: a quick end with the cause, or an INVALID load."""

import concurrent.futures
import re
import time

import pytest
from kubernetes import client, config
from kubernetes.stream import stream

from tests.cluster.lab import END_SECONDS, namespaces_of
from tests.running import LIGHT, SILENT_SECONDS, started_suite
from tools.lab_image_names import own_images
from tools.suite_run import read_scenarios, run_suite

pytestmark = pytest.mark.cluster


@pytest.fixture
def core(lab_kubeconfig):
    with config.new_client_from_config(lab_kubeconfig) as api:
        yield client.CoreV1Api(api)


@pytest.fixture
def disturb(tmp_path, lab_kubeconfig, options):
    """Run scenarios, do something when a log appears in its namespace; return (exit code, output).

    `within`: the seconds in which a step must fail for it; then the run must end, its namespace with it.
    """

    def disturb(scenarios, moment, action, *arguments, within=30):
        with started_suite(tmp_path, *options, "-k", scenarios, *arguments, KUBECONFIG=lab_kubeconfig) as run:
            run.wait_for_log(moment)
            (namespace,) = namespaces_of(run.popen.pid, lab_kubeconfig)
            action(namespace)
            run.wait_for_failure(within)
            code = run.wait_for_end(END_SECONDS)
        assert namespaces_of(run.popen.pid, lab_kubeconfig) == []
        return code, run.output

    return disturb


def delete_pod(core, name):
    """Return an action that deletes the component's pods, without grace."""

    def action(namespace):
        for pod in core.list_namespaced_pod(namespace).items:
            if pod.metadata.name.startswith(name):
                core.delete_namespaced_pod(pod.metadata.name, namespace, grace_period_seconds=0)

    return action


def test_mlflows_pod_deleted_during_training_ends_the_run_with_the_cause(disturb, core):
    code, output = disturb("cpu_model_learns", "training-*-trainer", delete_pod(core, "mlflow"))
    assert code == 1, output
    assert re.search(r"MLflow: pod mlflow-\S+ (was|is being) deleted; what it held is lost", output), output


def test_an_mlflow_that_falls_silent_during_the_training_is_named(disturb, core):
    def silence(namespace):
        pod = next(one for one in core.list_namespaced_pod(namespace).items if one.metadata.name.startswith("mlflow"))
        # every process but the first, which nothing inside can stop, and the shell
        command = ["sh", "-c", "kill -STOP -1"]
        stream(core.connect_get_namespaced_pod_exec, pod.metadata.name, namespace, command=command, stdout=True)

    code, output = disturb("cpu_model_learns", "training-*-trainer", silence, within=SILENT_SECONDS)
    assert code == 1, output
    assert "mlflow answers no more" in output, output
    assert re.search(r"(Readiness|Liveness) probe failed: .*/health", output), output


def test_tritons_pod_deleted_during_the_load_makes_it_invalid_and_nothing_hangs(disturb, core, tmp_path):
    arguments = (*LIGHT, "--duration=20")
    # the rest of the load comes before the failure
    code, output = disturb("tutorials_load", "load-*-attack", delete_pod(core, "triton"), *arguments, within=60)
    assert code == 1, output
    scenario = read_scenarios(tmp_path / "report")["the_cpu_predictor_takes_the_tutorials_load"]
    assert scenario.figures["verdict"].startswith("INVALID: pod triton-cpu-2-"), scenario
    assert re.search(r"requests succeeded: .*; pod triton-cpu-2-\S+ (was|is being) deleted", scenario.message), scenario


def test_a_namespace_deleted_during_the_run_is_named(disturb, core):
    code, output = disturb("cpu_model_learns", "training-*-trainer", lambda name: core.delete_namespace(name))
    assert code == 1, output
    assert "is terminating: somebody deleted it" in output, output


@pytest.mark.alone  # a third run would leave one of them no CPU of the lab's node
def test_two_runs_side_by_side_do_not_meet(tmp_path, lab_kubeconfig, options):
    def run(name):
        scenarios = ("-k", "deer_lands or cpu_model_learns")
        return run_suite(tmp_path / name, *options, *LIGHT, *scenarios, KUBECONFIG=lab_kubeconfig)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        runs = list(pool.map(run, ["one", "other"]))
    for result in runs:
        assert result.code == 0, result.output
        assert namespaces_of(result.pid, lab_kubeconfig) == []


def test_an_image_without_the_backend_is_named_before_triton_starts(run_on_lab, tmp_path):
    images = tmp_path / "images.yaml"
    images.write_text(f"triton: {own_images()['triton']}\ntriton-backend: onnxruntime\n")
    result = run_on_lab(f"--images={images}", *LIGHT, "-k", "deer_lands")
    assert result.code == 1, result.output
    assert "no Triton backend 'onnxruntime' in this image, only: python" in result.output


def test_an_image_that_cannot_be_pulled_is_named_in_time(run_on_lab, tmp_path):
    images = tmp_path / "images.yaml"
    images.write_text("trainer: registry.invalid/nobody/trainer:1\n")
    started = time.monotonic()
    result = run_on_lab(f"--images={images}", "-k", "deer_lands")
    assert result.code == 1, result.output
    assert "registry.invalid/nobody/trainer:1" in result.output
    assert "ImagePull" in result.output
    assert time.monotonic() - started < 75  # the run's start and end with it
