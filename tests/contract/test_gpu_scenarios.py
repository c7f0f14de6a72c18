"""Contract tests: the GPU and pod scenarios against a made-up stack, passing and failing for each reason.

No GPU and no pod is real here; docs/unconfirmed.md lists these scenarios.
"""

import pytest

from tests.contract.fake_node import METRICS
from tests.running import run_made_up

VECTOR_ADD = "the_cudavectoradd_pod_passes"
LEARNS = "the_gpu_model_learns"
FASTER = "the_gpu_answers_faster_than_the_cpu"
KEEPS_UP = "the_cpu_predictor_takes_the_tutorials_load"


# another GPU that the server sees, and that somebody else keeps busy
NEIGHBOUR = METRICS + 'nv_gpu_utilization{gpu_uuid="GPU-neighbour"} 0.9\n'


def run(folder, says, *arguments):
    chosen = ("-m", "gpu and not docker", "-k", f"{VECTOR_ADD} or {LEARNS} or {FASTER}")
    return run_made_up(folder, says, "--data=digits", *chosen, *arguments)


def test_all_pass_where_the_gpu_does_what_the_tutorial_says(tmp_path):
    scenarios = run(tmp_path, {"metrics": NEIGHBOUR}).scenarios()
    assert {name: found.outcome for name, found in scenarios.items()} == dict.fromkeys(
        (VECTOR_ADD, LEARNS, FASTER), "passed"
    )
    assert scenarios[LEARNS].figures["training accuracy"] == "96.4%"
    assert scenarios[LEARNS].figures["over-fit"] == "27.4 percentage points"
    assert scenarios[LEARNS].figures["GPU utilisation"] == "42 % (median of 10), 42 % at the 90th percentile"
    figures = scenarios[FASTER].figures
    assert figures["GPU 1 p50"] == "2.700 ms"
    assert figures["pairs"] == "6"
    assert figures["GPU 1 success"] == "100.000% of 6,000"  # 10 s, however short the CPU's own load is
    assert figures["answers looked at"] == "720"
    assert figures["GPU utilisation"] == "35.0% under the GPU's loads and 0.0% under the CPU's loads"
    assert figures["verdict"].startswith("GPU faster by 6 pairs")


@pytest.mark.parametrize(
    ("says", "scenario", "facts"),
    [
        ({"pod_phase": "Failed"}, VECTOR_ADD, ["ended Failed"]),
        ({"pod_log": "CUDA driver version is insufficient"}, VECTOR_ADD, ["did not say 'Test PASSED'", "CUDA driver"]),
        ({"training_accuracy": 0.94}, LEARNS, ["94.0% in training", "not 95 %"]),
        ({"epochs_missed": 3}, LEARNS, ["57 epochs", "the 60 asked for"]),
        ({"held_out_accuracy": 0.0}, LEARNS, ["logged 0.0 as its held-out accuracy"]),
        ({"training_use": 0.0}, LEARNS, ["at most 0 % busy"]),
        ({"training_use": 0.0, "neighbour_use": 90.0}, LEARNS, ["at most 0 % busy"]),
        ({"training_use": None}, LEARNS, ["no GPU utilisation"]),
        ({"devices": "CPU"}, LEARNS, ["saw ['CPU']", "the GPU was to train it"]),
        ({"gpu_ms": 8.0}, FASTER, ["can't tell by 6 pairs", "1.111"]),
        ({"gpu_ms": 8.0, "gpu_p99_ms": 300}, FASTER, ["CPU faster by 6 pairs"]),
        ({"gpu_p99_ms": 300}, FASTER, ["1.459 (1.459 to 1.459) at p99"]),
        ({"gpu_rate": 0.9}, FASTER, ["pair 1", "the GPU's load is INVALID", "540.0 requests/s", "600"]),
        ({"gpu_answer": 5}, FASTER, ["GPU 1", "60 of the 60 answers", "class 5"]),
        ({"gpu_use": {"cpu": 0.0, "gpu": 0.0}}, FASTER, ["the GPU did no more"]),
        ({"gpu_use": {"cpu": 0.4, "gpu": 0.3}}, FASTER, ["busy under the CPU's loads", "over 5%"]),
        ({"gpu_use": {"cpu": 0.2, "gpu": 0.45}}, FASTER, ["busy under the CPU's loads", "over 5%"]),
        ({"gpu_use": {"cpu": None, "gpu": None}}, FASTER, ["no nv_gpu_utilization"]),
        ({"gpu_serves": "another"}, FASTER, ["different runs", "'gpu': 'another'"]),
        ({"gpu_failures": 3}, FASTER, ["GPU 1", "99.950% of 6000 requests", "3 x HTTP 503"]),
    ],
)
def test_a_broken_stack_fails_its_scenario_for_that_reason(tmp_path, says, scenario, facts):
    result = run(tmp_path, says)
    scenarios = result.scenarios()
    assert result.code == 1
    assert scenarios[scenario].outcome == "failed"
    for fact in facts:
        assert fact in scenarios[scenario].message
    assert [name for name, found in scenarios.items() if found.outcome != "passed"] == [scenario]


@pytest.mark.parametrize(("late", "outcome", "code"), [(2, "passed", 0), (3, "failed", 1)])
def test_a_load_whose_requests_left_late_is_sent_three_times_at_most(tmp_path, late, outcome, code):
    says = {"cpu_rates": [0.9] * late}
    result = run_made_up(tmp_path, says, "--data=digits", "-k", KEEPS_UP)
    found = result.scenarios()[KEEPS_UP]
    assert (result.code, found.outcome) == (code, outcome)
    assert found.figures["sent again"].count("540.0 requests/s were sent instead of 600") == 2
    assert ("the CPU's load is INVALID" in found.message) == (outcome == "failed")


def test_a_failure_is_told_with_the_death_that_explains_it(tmp_path):
    found = run(tmp_path, {"pod_phase": "Failed", "died": "mlflow was killed by SIGKILL"}).scenarios()[VECTOR_ADD]
    assert "mlflow was killed by SIGKILL" in found.message
    assert "ended Failed" in found.message


def test_a_gpu_that_is_not_there_skips_with_the_reason(tmp_path):
    result = run(tmp_path, {"reason": "the driver hangs"})
    assert result.code == 0
    assert {found.outcome for found in result.scenarios().values()} == {"skipped"}
    assert "no GPU: the driver hangs" in result.output


def test_a_gpu_that_was_demanded_and_is_not_there_fails(tmp_path):
    result = run(tmp_path, {"reason": "the driver hangs"}, "--require-gpu")
    assert result.code == 1
    assert {found.outcome for found in result.scenarios().values()} == {"error"}
    assert "--require-gpu: the driver hangs" in result.output


def test_a_mistake_of_the_suites_own_does_not_read_like_one_of_the_stack(tmp_path):
    message = run(tmp_path, {"bug": True}).scenarios()[LEARNS].message
    assert "this is a fault of the suite itself" in message
    assert "no attribute 'no_such_thing'" in message
