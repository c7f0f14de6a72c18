"""Every scenario, run against a stack that is broken in one way, fails for that reason (`make sabotage`).

The GPU and pod scenarios have the like in tests/contract.
"""

import pytest

from tools.suite_run import run_suite

pytestmark = pytest.mark.sabotage


@pytest.mark.parametrize(
    ("sabotage", "scenario", "words"),
    [
        ("shuffled labels", "the_cpu_model_learns", "held out, not 70 %"),
        ("shuffled labels", "the_deer_lands_at_index_4", "landed at index"),
        ("fewer epochs", "the_cpu_model_learns", "ran 5 epochs of the 6 asked for"),
        ("half the images", "the_cpu_models_run_is_tracked", "data_digest"),
        ("no held-out loss", "the_cpu_models_run_is_tracked", "'val_loss': 0"),
        ("another device", "the_cpu_models_run_is_tracked", "the CPU was to train it"),
        ("no keras model", "the_cpu_models_run_is_tracked", "logged no model 'keras'"),
        ("swapped classes", "the_deer_lands_at_index_4", "landed at index 5"),
        ("another model", "the_server_answers_as_the_trained_model_does", "got the trained model's class"),
        ("another file of the model", "what_is_served_is_what_was_trained", "is another file than"),
        ("noise", "the_server_answers_as_the_trained_model_does", "the server's logits differ"),
        ("noise", "json_and_binary_http_give_the_same_logits", "differs from JSON"),
        ("a server that rounds JSON", "json_and_binary_http_give_the_same_logits", "differs from JSON"),
        ("noise", "grpc_gives_the_same_logits", "differs from JSON"),
        ("a server that rounds JSON", "grpc_gives_the_same_logits", "differs from JSON"),
        ("a class that is never found", "every_class_is_found_at_its_own_index", "never found at its own index: seven"),
        ("delay", "the_cpu_predictor_takes_the_tutorials_load", "99th percentile of the latency is"),
        ("1 failure in 1,000", "the_cpu_predictor_takes_the_tutorials_load", "requests succeeded"),
        ("wrong under load", "the_cpu_predictor_takes_the_tutorials_load", "answers that were looked at are wrong"),
        ("a load cut short", "the_cpu_predictor_takes_the_tutorials_load", "1200 requests were sent of the 6000"),
        ("another rate", "the_cpu_predictor_takes_the_tutorials_load", "requests/s were sent instead of 600"),
        ("compact JSON", "the_cpu_predictor_takes_the_tutorials_load", "the tutorial's is 144674"),
    ],
)
def test_a_broken_stack_fails_the_scenario_for_that_reason(tmp_path, sabotage, scenario, words):
    found = run_broken(tmp_path, sabotage, scenario)
    assert found[scenario].outcome == "failed", found
    assert words in found[scenario].message


@pytest.mark.parametrize(
    ("sabotage", "words", "with_nan"),
    [
        ("a server that agrees to all", "instead of a client error", "something else came out"),
        # a server may compute with NaN, so one that only spoils errors can't be told from a good one there
        ("a server without words", "without an error that says why", ""),
        ("a server that a bad request breaks", "HTTP 503", ""),
    ],
)
def test_every_bad_request_notices_a_server_that_takes_it_wrongly(tmp_path, sabotage, words, with_nan):
    found = run_broken(tmp_path, sabotage, "a_bad_request")
    assert len(found) == 9
    for name, scenario in found.items():
        expected = with_nan if "[NaN" in name else words
        if expected:
            assert scenario.outcome == "failed", name
            assert expected in scenario.message, scenario.message


def run_broken(folder, sabotage, scenario):
    run = run_suite(folder, "--data=digits", "-k", scenario, plugin="tests.sabotage.broken_stack", SABOTAGE=sabotage)
    assert run.code == 1, run.output
    return run.scenarios()
