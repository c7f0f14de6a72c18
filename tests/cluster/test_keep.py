"""`--keep` on a real cluster: the namespace stays, and the run's own words reach and remove it."""

import re
import subprocess

import pytest

from tests.chain.leftovers import wait_clean
from tests.cluster.lab import namespaces_of
from tests.cluster.test_interrupts import clean
from tests.running import LIGHT
from tools.suite_run import environment

pytestmark = pytest.mark.cluster


def test_keep_leaves_the_namespace_and_says_how_to_reach_and_remove_it(run_on_lab, tmp_path, lab_kubeconfig):
    (tmp_path / "tmp").mkdir()
    result = run_on_lab(*LIGHT, "--keep", "-k", "cpu_model_learns", TMPDIR=str(tmp_path / "tmp"))
    (name,) = namespaces_of(result.pid, lab_kubeconfig)
    reach = re.search(r"^MLflow: (kubectl .+)$", result.output, re.MULTILINE)
    remove = re.search(r"^remove: (kubectl .+)$", result.output, re.MULTILINE)
    assert reach, result.output
    assert remove, result.output
    inside = environment(KUBECONFIG=lab_kubeconfig)
    try:
        assert result.code == 0, result.output
        forward = subprocess.Popen(reach[1].replace(" 5000", " :5000").split(), env=inside, stdout=subprocess.PIPE)
        assert forward.stdout
        assert b"Forwarding from" in forward.stdout.readline()
        forward.terminate()
        forward.wait(30)
        assert f"{name}: left alone, it was made with --keep" in clean(lab_kubeconfig)
    finally:
        # it waits for the namespace's end
        subprocess.run(remove[1], shell=True, env=inside, check=True, timeout=60)  # noqa: S602 - the user's line
    assert name in remove[1]
    assert namespaces_of(result.pid, lab_kubeconfig) == []
    wait_clean(tmp_path)
