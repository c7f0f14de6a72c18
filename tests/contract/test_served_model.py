"""Contract tests: whether the served model's file is the trainer's, on a stack that is made up."""

import pytest

from tests.running import run_made_up

SCENARIO = "what_is_served_is_what_was_trained"


@pytest.mark.parametrize(
    ("says", "outcome", "words"),
    [
        ({}, "passed", ""),
        ({"stored_sha256": "5e" * 32}, "passed", ""),
        ({"stored_sha256": "a0" * 32}, "failed", "s3://made-up is another file"),
        ({"served_sha256": "a0" * 32}, "failed", "the made-up repository is another file"),
    ],
)
def test_only_the_trainers_own_file_is_what_was_trained(tmp_path, says, outcome, words):
    result = run_made_up(tmp_path, says, "--data=digits", "-k", SCENARIO)
    scenario = result.scenarios()[SCENARIO]
    assert scenario.outcome == outcome
    assert words in scenario.message
    assert scenario.figures["SHA-256"] == says.get("served_sha256", "5e" * 32)
