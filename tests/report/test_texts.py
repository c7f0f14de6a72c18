"""The claims as a table for a terminal and in Markdown, and Cucumber JSON."""

import json
import re
import shutil
import subprocess

import pytest

from acceptance.paths import ROOT
from acceptance.report.claims import CLAIMS, claims
from acceptance.report.cucumber import cucumber_json
from acceptance.report.page import render, side_by_side
from acceptance.report.results import FAILED, NOT_RUN, PASSED, SKIPPED
from acceptance.report.tables import markdown, terminal_table
from acceptance.training.checks import epoch_times
from acceptance.training.recipes import Recipe
from acceptance.training.tracking import TrainingRun
from tests.report.made_up import HOSTILE, results, scenario, with_causes


def test_each_claim_is_bound_to_a_scenario_that_there_is():
    written = "".join(file.read_text() for file in (ROOT / "features").glob("*.feature"))
    for claim in CLAIMS:
        assert f"Scenario: {claim.scenario}\n" in written


DEER, LOAD, FASTER = (
    "The deer lands at index 4",
    "The CPU predictor takes the tutorial's load",
    "The GPU answers faster than the CPU",
)
SAME_TIME = "The GPU trains 60 epochs in the time of the CPU's 10"
FIGURES = {
    DEER: {"landed at": "index 4 (deer)"},
    SAME_TIME: {"10 epochs on the CPU": "1800 s", "60 on the GPU": "300 s"},
}


def with_claims(outcome, **changes):
    made = results(scenarios=0, **changes)
    made.scenarios = [scenario(number, outcome) for number, _ in enumerate(CLAIMS)]
    for one, claim in zip(made.scenarios, CLAIMS, strict=True):
        one.name = claim.scenario
        one.steps[1].figures.update(FIGURES.get(one.name, {}))
    made.claims = claims(made)
    return made


def claimed(made, name):
    """Return the claim that the scenario of this name checks, as the run stands now."""
    return next(claim for claim in claims(made) if claim.scenario == name)


def test_claims_have_this_runs_figures_and_its_verdicts():
    found = {claim.scenario: claim for claim in with_claims(PASSED).claims}
    assert found["The CPU model learns"].measured == "73.0% held out, 100.0% in training after 2 epochs"
    assert found["The GPU model learns"].measured == "100.0% in training, 69.0% held out after 60 epochs"
    assert found[SAME_TIME].measured == "60 epochs on the GPU in 300 s, 10 on the CPU in 1800 s"
    assert found[DEER].measured == "index 4 (deer)"
    assert found[LOAD].measured.startswith("all 6,000 at 600/s for 10 s, p50 8.0 ms")
    by_pairs, median, slowest = found[FASTER].measured.split("; ")
    assert by_pairs.startswith("GPU faster by 6 pairs")
    for fact in ("p50", "2.7 against 7.2 ms", "0.38", "0.36 to 0.39"):
        assert fact in median
    for fact in ("p99", "10.5 against 205.6 ms", "0.05", "0.02 to 0.20"):
        assert fact in slowest
    assert {claim.verdict for claim in found.values()} == {PASSED}


def test_figures_on_the_stand_in_say_so():
    measured = [claim.measured for claim in with_claims(PASSED, stand_in=True).claims]
    assert measured[0] == "Test PASSED"
    assert all("STAND-IN DATA" in text for text in measured[1:])
    assert "STAND-IN DATA" in markdown(with_claims(PASSED, stand_in=True))


def test_a_claim_that_was_not_checked_says_why():
    skipped = with_claims(SKIPPED, trainings=[], loads=[]).claims[1]
    assert (skipped.verdict, skipped.measured[:13]) == (SKIPPED, "nowhere a GPU")
    nowhere = results(scenarios=0)
    assert {claim.verdict for claim in claims(nowhere)} == {"not run"}


@pytest.mark.parametrize("width", [20, 80, 200])
@pytest.mark.parametrize("outcome", [PASSED, FAILED])
@pytest.mark.parametrize("stand_in", [True, False])
def test_the_terminals_table_fits_with_three_lines_a_claim(width, outcome, stand_in):
    made = with_causes(with_claims(outcome, stand_in=stand_in))
    lines = [line for line, _ in terminal_table(made, width)]
    assert max(map(len, lines)) <= max(width, 60)
    assert len(lines) == 3 * len(CLAIMS)
    if width >= 80:
        for claim in made.claims:
            assert any(claim.claim in line and line.endswith(f": {claim.verdict}") for line in lines)
            assert f"  tutorial: {claim.tutorial}" in lines
    figures = [line for line in lines if line.startswith("  here: ")]
    if width == 200:
        for claim, line in zip(made.claims, figures, strict=True):
            assert made.this_run(claim) in line


def test_the_slowest_of_a_load_is_shown_at_80_columns_on_the_stand_in_too():
    made = with_claims(PASSED, stand_in=True)
    load = next(line for line, _ in terminal_table(made, 80) if "all 6,000" in line)
    assert " ms, p99 " in load
    assert load.endswith(" ms (STAND-IN DATA)")


def test_a_figure_that_is_cut_keeps_its_label_and_its_cause():
    made = with_causes(with_claims(FAILED, stand_in=True))
    faster = next(line for line, _ in terminal_table(made, 80) if "GPU faster by" in line)
    assert faster.endswith("… (STAND-IN DATA); cause 1")


def test_claims_that_were_not_chosen_are_listed_nowhere():
    made = with_claims(PASSED)
    made.scenarios = [one for one in made.scenarios if one.name == DEER]
    made.claims = claims(made)
    (head, *_), chosen = terminal_table(made, 80)[0], terminal_table(made, 80)
    assert len(chosen) == 3
    assert "deer" in head
    assert "The CPU model reaches" not in markdown(made)
    assert "The CPU model reaches" not in render(made)
    assert len(made.claims) == len(CLAIMS)  # results.json has them all


def test_markdown_holds_failures_and_nothing_of_them_is_markup():
    made = with_causes(with_claims(FAILED))
    made.scenarios[0].new_failure = True
    text = markdown(made)
    assert "(**new**)" in text
    assert "| The CPU model reaches about 70% on held-out images |" in text
    outside = "\n".join(line for line in text.splitlines() if not line.startswith("      "))
    assert HOSTILE not in outside
    assert "<" not in outside


def test_a_claim_that_was_not_asked_for_was_not_checked():
    slower = claimed(with_claims(PASSED, rate=70), LOAD)
    assert (slower.verdict, slower.measured[:15]) == (NOT_RUN, "asked for 70/s:")
    elsewhere = claimed(with_claims(PASSED, expect_index=3), DEER)
    assert (elsewhere.verdict, elsewhere.measured) == (NOT_RUN, "asked for index 3: index 4 (deer)")


@pytest.mark.parametrize("name", [LOAD, FASTER])
def test_a_load_shorter_than_quicks_is_no_claims(name):
    shorter = claimed(with_claims(PASSED, duration=2), name)
    assert (shorter.verdict, shorter.measured[:14]) == (NOT_RUN, "asked for 2 s:")
    both = claimed(with_claims(PASSED, duration=2, rate=700), name)
    assert both.measured.startswith("asked for 700/s for 2 s: ")
    assert claimed(with_claims(PASSED, duration=10), name).verdict == PASSED
    assert claimed(with_claims(PASSED, duration=5), name).verdict == NOT_RUN
    assert claimed(with_claims(PASSED, duration=5, stand_in=True), name).verdict == PASSED
    assert claimed(with_claims(PASSED, duration=4, stand_in=True), name).verdict == NOT_RUN


def test_a_users_own_request_is_no_deer_and_leaves_the_loads_as_they_are():
    made = with_claims(PASSED, request="data-keras.json")
    deer = claimed(made, DEER)
    assert (deer.verdict, deer.measured) == (NOT_RUN, "asked with data-keras.json's own request: index 4 (deer)")
    assert claimed(made, LOAD).verdict == PASSED


def test_what_was_not_asked_for_and_failed_says_both():
    slower = claimed(with_claims(FAILED, rate=70), LOAD)
    assert (slower.verdict, slower.measured[:15]) == (FAILED, "asked for 70/s:")
    made = with_claims(FAILED, request="data-keras.json", loads=[])
    made.scenarios[[claim.scenario for claim in CLAIMS].index(DEER)].steps[1].figures.clear()
    assert claimed(made, DEER).measured == "asked with data-keras.json's own request"


def test_the_times_claimed_are_those_that_the_step_noted():
    def run(device, epochs, seconds):
        metrics = {"accuracy": [0.9] * epochs, "epoch_seconds": [seconds] * epochs}
        return TrainingRun("", "", "", "FINISHED", Recipe(device, "tutorial", epochs), {}, metrics)

    times = epoch_times(run("cpu", 10, 180.0), run("gpu", 60, 5.0), 60, 10)
    assert FIGURES[SAME_TIME] == {name: f"{seconds:.0f} s" for name, seconds in times.items()}


def test_epochs_that_were_not_compared_have_no_time():
    made = with_claims(SKIPPED)
    for one in made.scenarios:
        one.steps[1].figures.clear()
    found = claimed(made, SAME_TIME)
    assert (found.verdict, found.measured[:13]) == (SKIPPED, "nowhere a GPU")


def test_one_failed_request_of_many_is_not_rounded_away():
    made = with_claims(FAILED)
    made.loads[0].success, made.loads[0].requests, made.loads[0].invalid = 1 - 1 / 36000, 36000, ["1 failed"]
    taken = claimed(made, LOAD).measured
    assert taken.startswith("1 of 36,000 failed at 600/s for 10 s")
    assert taken.endswith(", INVALID")


def test_pairs_that_do_not_count_are_in_no_claim():
    made = with_claims(FAILED)
    assert made.pairs
    made.pairs.verdict, made.pairs.ratios = "can't tell", []
    for pair in made.pairs.pairs:
        pair.invalid = "too late"
    assert claimed(made, FASTER).measured == "can't tell by 0 pairs of loads of 10 s"


def test_a_training_that_logged_nothing_has_no_figure():
    made = with_claims(FAILED)
    made.trainings[0].metrics = {}
    assert claims(made)[1].measured == "-"


def test_the_runs_are_compared_by_parameters_time_an_epoch_and_accuracy():
    cpu, gpu = results(scenarios=0).trainings
    cpu.parameters, gpu.parameters = {"epochs": "2", "seed": "1"}, {"epochs": "60", "augment": "yes"}
    cpu.metrics["epoch_seconds"], gpu.metrics["epoch_seconds"] = [180.0, 184.0], [5.0, 6.0]
    assert side_by_side([cpu, gpu]) == [
        ("epochs", ["2", "60"]),
        ("seed", ["1", "-"]),
        ("augment", ["-", "yes"]),
        ("epochs that ran", ["2", "60"]),
        ("time", ["1 min 40 s"] * 2),
        ("time an epoch", ["3 min 02 s", "5.50 s"]),
        ("training accuracy", ["100.0%"] * 2),
        ("held-out accuracy", ["73.0%", "69.0%"]),
    ]


def test_cucumber_json_has_every_scenario_with_each_steps_status():
    made = results(8)
    for step in made.scenarios[1].steps:
        step.outcome = NOT_RUN
    made.scenarios[5].steps[1].outcome = PASSED
    (feature,) = json.loads(cucumber_json(made))
    elements = feature["elements"]
    statuses = [[step["result"]["status"] for step in element["steps"]] for element in elements]
    assert statuses[0] == ["passed", "passed"]
    assert statuses[2] == ["passed", "skipped"]
    assert elements[0]["steps"][0]["output"] == [f"a figure: {HOSTILE}"]
    # one failed before its first step, another after its last
    assert "it is not so" in elements[1]["before"][0]["result"]["error_message"]
    assert "it is not so" in elements[5]["after"][0]["result"]["error_message"]
    made = results(8)
    assert "it is not so" in json.loads(cucumber_json(made))[0]["elements"][5]["steps"][1]["result"]["error_message"]


REPORTER = "multiple-cucumber-html-reporter@3.9.3"
REPORT = """
require("multiple-cucumber-html-reporter").generate({
  jsonDir: process.argv[2], reportPath: process.argv[3], disableLog: true, displayDuration: true, durationInMS: false,
});
"""


def test_a_cucumber_reporter_takes_it(tmp_path):
    if not shutil.which("npm"):
        pytest.skip("no npm on the PATH: a Cucumber reporter comes from there")
    quick = ["--silent", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=20000"]
    install = ["npm", "install", *quick, "--prefix", tmp_path, REPORTER]
    try:
        fetched = subprocess.run(install, capture_output=True, text=True, check=False, timeout=120)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{REPORTER} could not be fetched in 120 s")
    if fetched.returncode:
        pytest.skip(f"{REPORTER} could not be fetched: {fetched.stderr[-500:]}")
    (tmp_path / "json").mkdir()
    made = results(8)
    for step in made.scenarios[1].steps:  # one that failed before its first step
        step.outcome = NOT_RUN
    (tmp_path / "json" / "cucumber.json").write_text(cucumber_json(made))
    (tmp_path / "report.js").write_text(REPORT)
    done = subprocess.run(
        ["node", "report.js", "json", "html"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "html" / "index.html").read_text()
    shares = re.findall(r'title="Scenario (?:is )?(passed|failed|skipped)".*?([\d.]+) %', page, re.DOTALL)
    assert shares == [("passed", "25.00"), ("failed", "25.00"), ("skipped", "50.00")]
    (feature,) = (tmp_path / "html" / "features").glob("*.html")
    assert "it is not so" in feature.read_text()
