"""Contract tests: the second recipe's scenario against a made-up stack with a GPU; no GPU is real here."""

import pytest

from tests.running import run_made_up

REACHES = "the_second_recipe_reaches_96__on_heldout_images"


def run(folder, says, *arguments):
    return run_made_up(folder, says, "-m", "beyond", *arguments)


def test_it_passes_at_96_1_percent_in_240_s(tmp_path, cifar10):
    result = run(tmp_path, {}, f"--cifar10={cifar10}")
    found = result.scenarios()
    assert result.code == 0, result.output
    assert {name: scenario.outcome for name, scenario in found.items()} == {REACHES: "passed"}
    assert found[REACHES].figures["held-out accuracy"] == "96.1%"
    assert found[REACHES].figures["training took"] == "240 s"
    assert found[REACHES].figures["epochs"] == "56"


@pytest.mark.parametrize(
    ("says", "facts"),
    [
        ({"beyond_accuracy": 0.954}, ["95.4% held out", "not 96 %"]),
        ({"beyond_seconds": 301.0}, ["took 301 s", "not 5 min"]),
        ({"epochs_missed": 1}, ["55 epochs", "the 56 asked for"]),
        ({"training_use": 0.0}, ["GPU", "at most 0 % busy"]),
        ({"training_use": None}, ["no GPU utilisation"]),
        ({"devices": "CPU"}, ["saw ['CPU']", "the GPU was to train it"]),
    ],
)
def test_it_fails_for_each_reason(tmp_path, cifar10, says, facts):
    result = run(tmp_path, says, f"--cifar10={cifar10}")
    found = result.scenarios()[REACHES]
    assert (result.code, found.outcome) == (1, "failed")
    for fact in facts:
        assert fact in found.message


def test_on_the_stand_in_it_is_skipped_even_where_a_gpu_is_demanded(tmp_path):
    result = run(tmp_path, {}, "--data=digits", "--require-gpu")
    found = result.scenarios()[REACHES]
    assert (result.code, found.outcome) == (0, "skipped"), result.output
    for fact in ("STAND-IN DATA", "CIFAR-10", "--cifar10"):
        assert fact in found.message


def test_without_a_gpu_it_is_skipped_with_the_reason(tmp_path, cifar10):
    found = run(tmp_path, {"reason": "the driver hangs"}, f"--cifar10={cifar10}").scenarios()[REACHES]
    assert found.outcome == "skipped"
    assert "no GPU: the driver hangs" in found.message
