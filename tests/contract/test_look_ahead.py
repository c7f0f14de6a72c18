"""What a stack finds at its beginning: one error of all scenarios, and what it is asked to look at."""

import pytest

from tests.running import run_made_up

TRAINS = {"training cpu"}
SERVES = {*TRAINS, "triton cpu"}


def run(folder, *arguments, **says):
    # a run with --keep leaves its directory
    return run_made_up(folder / "report", says, "--data=digits", *arguments, TMPDIR=str(folder))


def test_what_is_wrong_is_said_by_every_scenario_and_nothing_is_trained(tmp_path):
    wrong = ["image triton:1: not found", "user me may not create jobs"]
    result = run(tmp_path, "-m", "not docker", wrong=wrong)
    assert result.code == 1
    assert (result.report / "report.html").exists()
    found = {name: one for name, one in result.scenarios().items() if one.outcome != "skipped"}
    assert len(found) > 20
    for name, scenario in found.items():
        assert scenario.outcome in ("failed", "error"), name
        for problem in wrong:
            assert f"{problem}: put it right" in scenario.message, name


@pytest.mark.parametrize("keep", [(), ("--keep",)])
def test_a_stack_that_stays_says_how_to_remove_it(tmp_path, keep):
    result = run(tmp_path, "-k", "deer_lands", *keep, wrong=["image triton:1: not found"])
    assert result.code == 1
    assert ("remove: nothing, it is made up" in result.output) is bool(keep)


@pytest.mark.parametrize(
    ("keyword", "parts"),
    [
        ("cpu_model_learns", TRAINS),
        ("gpu_model_learns", {"training gpu"}),
        ("deer_lands", SERVES),
        ("takes_the_tutorials_load", {*SERVES, "load cpu"}),
        ("answers_faster", {*SERVES, "triton gpu", "load cpu"}),
        ("triton_sees_the_gpu", {*TRAINS, "triton gpu"}),
        ("60_epochs", {*TRAINS, "training gpu"}),
        ("cudavectoradd", {"cuda-vector-add gpu"}),
        ("tensorflow", {"tensorflow-probe gpu"}),
        ("nodes_driver", set()),  # where labels tell, no pod is asked
        ("a_pod_gets_the_gpu", {"gpu-probe gpu"}),
        ("node_is_labelled", set()),
        ("bad_request", SERVES),
    ],
)
def test_it_looks_at_what_the_chosen_scenarios_start(tmp_path, keyword, parts):
    result = run(tmp_path, "-k", keyword, wrong=["nothing is to be started"])
    assert set((result.report / "logs" / "parts.log").read_text().splitlines()) == parts
