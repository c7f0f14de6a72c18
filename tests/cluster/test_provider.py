"""A run on a provider's cluster is a run on a real one: the lab's API server behind a made-up k3d and Docker."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.chain.leftovers import wait_clean
from tests.cluster.lab import END_SECONDS, namespaces_of
from tests.contract.fakes import Fakes
from tests.running import LIGHT, started_suite
from tools.suite_run import run_suite

pytestmark = pytest.mark.cluster
NAME = "blue"


@pytest.fixture
def arguments(tmp_path, images_file):
    (tmp_path / "tmp").mkdir()
    return ["--target=k3d", f"--cluster={NAME}", "--profile=quick", "--data=digits", f"--images={images_file}", *LIGHT]


@pytest.fixture
def fakes(tmp_path):
    return Fakes(tmp_path / "bin")


@pytest.fixture
def variables(fakes, tmp_path, lab_kubeconfig):
    """The environment of a run: k3d gives the lab's kubeconfig under its own context, the user's has no cluster."""
    kubeconfig = yaml.safe_load(Path(lab_kubeconfig).read_text())
    kubeconfig["contexts"][0]["name"] = kubeconfig["current-context"] = f"k3d-{NAME}"
    path = fakes.install(clusters=[NAME], kubeconfig=yaml.safe_dump(kubeconfig))
    return {"PATH": path, "KUBECONFIG": str(tmp_path / "none"), "TMPDIR": str(tmp_path / "tmp")}


def test_a_model_is_trained_on_the_cluster_and_the_cluster_stays(tmp_path, lab_kubeconfig, arguments, fakes, variables):
    result = run_suite(tmp_path / "report", *arguments, "-k", "cpu_model_learns", **variables)
    assert [found.outcome for found in result.scenarios().values()] == ["passed"], result.output
    assert f"its cluster {NAME}" in result.output
    assert fakes.calls("k3d", "image", "import")[0][4] == NAME
    assert not fakes.calls("k3d", "cluster", "create") and not fakes.calls("k3d", "cluster", "delete")
    assert re.search(r"namespace: triton-acceptance-\w+", (result.report / "logs" / "pods.log").read_text())
    assert namespaces_of(result.pid, lab_kubeconfig) == []
    wait_clean(tmp_path)


def test_kill_9_leaves_no_namespace_on_it(tmp_path, lab_kubeconfig, arguments, variables):
    with started_suite(tmp_path, *arguments, "-k", "cpu_model_learns", **variables) as run:
        run.wait_for_log("mlflow-*-mlflow")
        assert namespaces_of(run.popen.pid, lab_kubeconfig)
        run.popen.kill()
        run.wait_for_end()
    wait_clean(tmp_path, END_SECONDS)  # the guardian removes the folder last
    assert not namespaces_of(run.popen.pid, lab_kubeconfig)


def test_keep_says_how_to_reach_and_remove_it(tmp_path, lab_kubeconfig, arguments, variables):
    result = run_suite(tmp_path / "report", *arguments, "-k", "cpu_model_learns", "--keep", **variables)
    assert result.code == 0, result.output
    (remove,) = [line for line in result.output.splitlines() if line.startswith("remove: ")]
    assert f"--context k3d-{NAME} delete namespace triton-acceptance-" in remove
    assert f"--context k3d-{NAME} -n triton-acceptance-" in result.output
    line = remove.removeprefix("remove: ")
    subprocess.run(line, shell=True, check=True, timeout=60)  # noqa: S602 - the user's, which waits for the namespace's end
    wait_clean(tmp_path)
