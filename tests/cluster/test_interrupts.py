"""Runs that are cut off on a real cluster: no namespace is left, or `make clean-cluster` finds what is."""

import contextlib
import os
import signal
import subprocess
import sys
from typing import Any

import psutil
import pytest

from acceptance.waiting import Ready, wait_until
from tests.chain.leftovers import wait_clean
from tests.cluster.lab import namespaces_of
from tests.running import ROOT, environment, started_suite

pytestmark = pytest.mark.cluster
# told by the log that appears: MLflow starts, data arrives, the trainer runs, Triton loads, load is sent
MOMENTS = ["mlflow-*-mlflow", "training-*-dataset", "training-*-trainer", "triton-*-triton", "load-*-attack"]


@pytest.fixture
def start(tmp_path, lab_kubeconfig, options):
    """Start a run up to the load, and wait until it has a namespace, and a log shows how far it is."""
    (tmp_path / "tmp").mkdir()
    with contextlib.ExitStack() as started:

        def start(moment=""):
            arguments = [*options, "--duration=30", "-k", "tutorials_load"]
            variables = {"KUBECONFIG": lab_kubeconfig, "TMPDIR": str(tmp_path / "tmp")}
            run = started.enter_context(started_suite(tmp_path, *arguments, **variables))
            found = lambda: namespaces_of(run.popen.pid, lab_kubeconfig)  # noqa: E731
            wait_until("its namespace", lambda: Ready(None) if found() else run.output or "starting", 60)
            if moment:
                run.wait_for_log(moment)
            return run.popen

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
    )
    return answer.stdout


@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c_leaves_no_namespace_and_a_report(start, moment, tmp_path, lab_kubeconfig):
    popen = start(moment)
    popen.send_signal(signal.SIGINT)
    assert popen.wait(90) == 2, (tmp_path / "output").read_text()
    assert namespaces_of(popen.pid, lab_kubeconfig) == []
    assert (tmp_path / "report" / "report.html").exists()
    assert (tmp_path / "report" / "logs" / "events.log").read_text()


def test_ctrl_c_while_the_namespace_is_made_leaves_none(start, tmp_path, lab_kubeconfig):
    popen = start()
    popen.send_signal(signal.SIGINT)
    assert popen.wait(90) == 2, (tmp_path / "output").read_text()
    assert namespaces_of(popen.pid, lab_kubeconfig) == []


def test_sigterm_leaves_no_namespace(start, tmp_path, lab_kubeconfig):
    popen = start(MOMENTS[2])
    popen.send_signal(signal.SIGTERM)
    assert popen.wait(90) == 143, (tmp_path / "output").read_text()
    assert namespaces_of(popen.pid, lab_kubeconfig) == []


def test_kill_9_leaves_no_namespace_and_no_directory(start, tmp_path, lab_kubeconfig):
    popen = start(MOMENTS[2])
    popen.kill()
    popen.wait()
    wait_clean(tmp_path)
    assert namespaces_of(popen.pid, lab_kubeconfig) == []


def test_what_a_machine_that_died_left_is_removed_and_nothing_else(start, lab_kubeconfig):
    popen = start(MOMENTS[0])
    (name,) = namespaces_of(popen.pid, lab_kubeconfig)
    assert f"{name}: left alone, its run is under way here as process {popen.pid}" in clean(lab_kubeconfig)
    for child in psutil.Process(popen.pid).children():  # the guardian, which would remove it all
        child.kill()
    popen.kill()
    popen.wait()
    bystander = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"bystander-{os.getpid()}"}}
    with bystanding(lab_kubeconfig, bystander) as remains:
        assert f"{name}: removed" in clean(lab_kubeconfig)
        assert namespaces_of(popen.pid, lab_kubeconfig) == []
        assert remains()


class bystanding:  # noqa: N801 - a context manager
    """A namespace of somebody else's."""

    def __init__(self, kubeconfig, manifest):
        from kubernetes import client, config

        self.core: Any = client.CoreV1Api(config.new_client_from_config(kubeconfig))
        self.manifest, self.name = manifest, manifest["metadata"]["name"]

    def __enter__(self):
        self.core.create_namespace(self.manifest)
        return lambda: self.core.read_namespace(self.name).status.phase == "Active"

    def __exit__(self, *error):
        self.core.delete_namespace(self.name)
