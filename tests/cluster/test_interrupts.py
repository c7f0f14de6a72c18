"""Runs that are cut off on a real cluster: no namespace is left, or `make clean-cluster` finds what is."""

import contextlib
import os
import signal
import subprocess
import sys
from typing import Any

import psutil
import pytest
from kubernetes import client, config

from acceptance.paths import ROOT
from acceptance.waiting import Ready, wait_until
from tests.chain.leftovers import wait_clean
from tests.cluster.lab import END_SECONDS, namespaces_of
from tests.cluster.left_behind import of_these_tests
from tests.running import LIGHT, started_suite
from tools.suite_run import environment

pytestmark = pytest.mark.cluster
# told by the log that appears: MLflow starts, data arrives, the trainer runs, Triton loads, load is sent
MOMENTS = ["mlflow-*-mlflow", "training-*-dataset", "training-*-trainer", "triton-*-triton", "load-*-attack"]


@pytest.fixture
def start(tmp_path, lab_kubeconfig, options):
    """Start a run up to the load, and wait until it has a namespace, and a log shows how far it is."""
    (tmp_path / "tmp").mkdir()
    with contextlib.ExitStack() as started:

        def start(moment=""):
            arguments = [*options, *LIGHT, "--duration=30", "-k", "tutorials_load"]
            variables = {"KUBECONFIG": lab_kubeconfig, "TMPDIR": str(tmp_path / "tmp")}
            run = started.enter_context(started_suite(tmp_path, *arguments, **variables))
            found = lambda: namespaces_of(run.popen.pid, lab_kubeconfig)  # noqa: E731
            wait_until("its namespace", lambda: Ready(None) if found() else run.output or "starting", 60)
            if moment:
                run.wait_for_log(moment)
            return run

        yield start


def clean(kubeconfig, *arguments):
    """Run `make clean-cluster`'s program; return what it said."""
    answer = subprocess.run(
        [sys.executable, "-m", "tools.clean_cluster", *arguments],
        cwd=ROOT,
        env=environment(KUBECONFIG=kubeconfig),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return answer.stdout


@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c_leaves_no_namespace_and_a_report(start, moment, lab_kubeconfig):
    run = start(moment)
    run.popen.send_signal(signal.SIGINT)
    assert run.wait_for_end(END_SECONDS) == 2, run.output
    assert namespaces_of(run.popen.pid, lab_kubeconfig) == []
    assert (run.report / "report.html").exists()
    assert (run.report / "logs" / "events.log").read_text()


def test_ctrl_c_while_the_namespace_is_made_leaves_none(start, lab_kubeconfig):
    run = start()
    run.popen.send_signal(signal.SIGINT)
    assert run.wait_for_end(END_SECONDS) == 2, run.output
    assert namespaces_of(run.popen.pid, lab_kubeconfig) == []


def test_sigterm_leaves_no_namespace(start, lab_kubeconfig):
    run = start(MOMENTS[2])
    run.popen.send_signal(signal.SIGTERM)
    assert run.wait_for_end(END_SECONDS) == 143, run.output
    assert namespaces_of(run.popen.pid, lab_kubeconfig) == []


def test_kill_9_leaves_no_namespace_and_no_directory(start, tmp_path, lab_kubeconfig):
    run = start(MOMENTS[2])
    run.popen.kill()
    run.wait_for_end()
    wait_clean(tmp_path, END_SECONDS)
    assert namespaces_of(run.popen.pid, lab_kubeconfig) == []


def test_what_a_machine_that_died_left_is_removed_and_nothing_else(start, lab_kubeconfig):
    run = start(MOMENTS[0])
    popen = run.popen
    (name,) = namespaces_of(popen.pid, lab_kubeconfig)
    said = clean(lab_kubeconfig)
    assert f"{name}: left alone" in said and f"process {popen.pid}" in said
    for child in psutil.Process(popen.pid).children():  # the guardian, which would remove it all
        child.kill()
    popen.kill()
    run.wait_for_end()
    bystander = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": f"bystander-{os.getpid()}", "labels": of_these_tests()},
    }
    with RunBeside(lab_kubeconfig, bystander) as remains:
        assert f"{name}: removed" in clean(lab_kubeconfig)
        assert namespaces_of(popen.pid, lab_kubeconfig) == []
        assert remains()


class RunBeside:
    """A namespace of somebody else's."""

    def __init__(self, kubeconfig, manifest):
        self.core: Any = client.CoreV1Api(config.new_client_from_config(kubeconfig))
        self.manifest, self.name = manifest, manifest["metadata"]["name"]

    def __enter__(self):
        self.core.create_namespace(self.manifest)
        return lambda: self.core.read_namespace(self.name).status.phase == "Active"

    def __exit__(self, *error):
        self.core.delete_namespace(self.name)
