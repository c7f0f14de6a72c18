"""The whole chain in the real processes, on the stand-in; and that nothing of it is left."""

import pytest

from acceptance.serving import gpu_evidence
from tests.running import WITHOUT_A_GPU, WITHOUT_KSERVE, WITHOUT_WORKFLOWS

pytestmark = pytest.mark.alone

SKIPPED = (
    WITHOUT_A_GPU
    | WITHOUT_KSERVE
    | WITHOUT_WORKFLOWS
    | {
        # about Docker: its own target runs them
        "docker_runs_a_container_for_this_user",
        "the_kernel_and_docker_are_new_enough",
        "the_driver_and_the_gpu_are_new_enough",
        "docker_has_the_nvidia_runtime",
        "a_container_sees_the_gpu",
    }
)


def test_every_scenario_passes_or_says_why_it_was_skipped(chain):
    outcomes = {name: found.outcome for name, found in chain.scenarios().items()}
    assert chain.code == 0, chain.output
    assert len(outcomes) == 53
    assert {name for name, outcome in outcomes.items() if outcome != "passed"} <= SKIPPED
    assert "the embedded target has no pods" in chain.output


def test_the_stand_in_is_named_in_the_first_and_last_lines_and_nothing_compares_with_the_tutorial(chain):
    lines = chain.output.strip().splitlines()
    assert lines[0].startswith("STAND-IN DATA")
    assert lines[-1].startswith("STAND-IN DATA")


def test_the_report_is_one_file_with_steps_figures_and_the_label(chain):
    page = (chain.report / "report.html").read_text()
    assert "STAND-IN DATA: handwritten digits" in page
    assert "its held-out accuracy is at least 70 %" in page
    assert "largest difference of a logit" in page
    assert 'src="http' not in page
    assert 'href="http://' not in page


def test_every_scenario_carries_the_label(chain):
    for name, scenario in chain.scenarios().items():
        assert "STAND-IN DATA" in scenario.figures.get("data", ""), name


def test_the_figures_are_those_of_a_real_load(chain):
    figures = chain.scenarios()["the_cpu_predictor_takes_the_tutorials_load"].figures
    assert figures["success"] == "100.000% of 3,000"
    assert figures["verdict"] == "VALID"
    assert 0 < float(figures["p50"].split()[0]) <= float(figures["p99"].split()[0])


def test_the_logs_of_every_process_stay(chain):
    names = {log.name.split("-")[0].removesuffix(".log") for log in (chain.report / "logs").iterdir()}
    assert names == {"mlflow", "trainer", "triton", "vegeta"}


def test_tritons_log_says_where_the_model_is_and_what_computes(chain):
    # the same lines are the GPU's proof, with GPU and CUDA in them
    (file,) = (chain.report / "logs").glob("triton-cpu-*.log")
    log = file.read_text()
    assert gpu_evidence.instances(log, "cifar10") == ["CPU device 0"]
    assert gpu_evidence.providers(log, "cifar10") == ["CPUExecutionProvider"]
    elsewhere = gpu_evidence.instance_not_on_gpu(log, "cifar10")
    assert elsewhere
    assert "CPU device 0" in elsewhere.what
    other = gpu_evidence.provider_not_cuda({"name": "cifar10", "backend": "python"}, log)
    assert other
    assert "CPUExecutionProvider" in other.what
