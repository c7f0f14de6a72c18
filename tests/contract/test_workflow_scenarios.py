"""The scenarios about workflows, on a made-up stack that has some and a GPU: each fails for its own reason."""

import pytest

from tests.running import WITHOUT_WORKFLOWS, run_made_up

FUSEML = ("--target=existing", "--workflow=fuseml", "--fuseml-url=http://fuseml", "--mlflow=http://mlflow.org:1")
CHOSEN = ("--data=digits", "-m", "workflow or gpu", "-k", "workflow or gpu_model_learns")
ARRIVES = "a_codeset_is_registered_and_its_code_arrives"
RUNS = "an_assigned_workflow_builds_trains_and_serves"
SERVES = "the_application_answers_the_deer"
ON_GPU = "the_gpus_workflow_trains_and_serves_on_the_gpu"
WRONG = "a_wrong_step_fails_its_run_and_is_named"
PUSH = "a_push_to_the_codeset_starts_a_new_run"
UNASSIGNED = "unassigning_stops_new_runs"
CLEANUP = "cleaning_up_takes_what_was_made_and_nothing_else"


def run(tmp_path, **says):
    result = run_made_up(tmp_path / "report", says, *FUSEML, *CHOSEN)
    return {name: (found.outcome, found.message) for name, found in result.scenarios().items()}, result.output


def test_they_pass_and_the_gpus_training_is_the_workflows(tmp_path):
    found, output = run(tmp_path)
    outcomes = {name: outcome for name, (outcome, _) in found.items()}
    assert outcomes.pop("the_gpu_model_learns") == "passed"
    assert outcomes == dict.fromkeys(WITHOUT_WORKFLOWS, "passed"), output


@pytest.mark.parametrize(
    ("says", "failures"),
    [
        (
            {
                "lost_file": "train.py",
                **{"workflow_why": "", "workflow_stays": True, "workflow_goes": False},
                "devices": "CPU",
                "served_sha256": "0a" * 32,
            },
            {
                ARRIVES: "has not the files that were registered: train.py (1 in all)",
                SERVES: "is another file than",
                WRONG: "which step failed with which exit code is not known: nothing is said",
                ON_GPU: "GPU",
                UNASSIGNED: "its assignment to own/images",
                CLEANUP: "workflow w is left",
            },
        ),
        (
            {"workflow_states": ["Failed (Timeout)"], "epochs_missed": 1},
            {
                RUNS: "run run-1 of workflow w ended as Failed (Timeout)\n    task trainer, step trainer ended with",
                PUSH: "ended as Failed (Timeout)",
                ON_GPU: "ended as Failed (Timeout)",
            },
        ),
    ],
)
def test_each_fails_for_its_own_reason(tmp_path, says, failures):
    found, output = run(tmp_path, **says)
    for name, words in failures.items():
        outcome, message = found[name]
        assert outcome in ("failed", "error"), (name, output)
        assert words in message, (name, message)
