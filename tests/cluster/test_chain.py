"""The whole chain on a real cluster, on the stand-in; and that nothing of it is left."""

import pytest

from tests.cluster.lab import namespaces_of
from tests.running import WITHOUT_A_GPU, WITHOUT_WORKFLOWS, run_chain

pytestmark = [pytest.mark.cluster, pytest.mark.alone]


@pytest.fixture(scope="module")
def chain(tmp_path_factory, lab_kubeconfig, options):
    folder = tmp_path_factory.mktemp("chain")
    result = run_chain(folder, *options, timeout=600, KUBECONFIG=lab_kubeconfig)
    assert namespaces_of(result.pid, lab_kubeconfig) == []
    return result


def test_every_scenario_passes_or_says_why_it_was_skipped(chain):
    outcomes = {name: found.outcome for name, found in chain.scenarios().items()}
    assert chain.code == 0, chain.output
    skipped = {name for name, outcome in outcomes.items() if outcome == "skipped" and "docker" not in name}
    assert skipped >= WITHOUT_A_GPU | WITHOUT_WORKFLOWS
    assert sum(outcome == "passed" for outcome in outcomes.values()) == 18
    assert "no node advertises nvidia.com/gpu" in chain.output


def test_the_terminal_and_the_report_say_which_server_and_which_user(chain):
    page = (chain.report / "report.html").read_text()
    for text in (chain.output, page):
        assert "context lab, user admin" in text
        assert "https://" in text


def test_every_request_came_back(chain):
    figures = chain.scenarios()["the_cpu_predictor_takes_the_tutorials_load"].figures
    assert figures["success"] == "100.000% of 3,000"
    assert figures["verdict"] == "VALID"


def test_the_evidence_stays(chain):
    logs = {file.name for file in (chain.report / "logs").iterdir()}
    assert {"events.log", "pods.log"} <= logs
    for container in ("mlflow", "trainer", "triton", "attack"):
        assert any(name.endswith(f"-{container}.log") for name in logs), (container, logs)
