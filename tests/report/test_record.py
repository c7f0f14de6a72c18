"""How long what scenarios share takes to set up, against earlier runs, and what a wait that was too long says of it."""

import json

import pytest

from acceptance.errors import AcceptanceError, Problem, WaitTimeout
from acceptance.options import read_settings
from acceptance.report.history import Earlier, Past, earlier, from_results, kind, line, usual
from acceptance.report.record import Record
from acceptance.report.results import Span
from tests.report.made_up import results
from tests.report.test_run import results_of, run


@pytest.fixture
def record():
    """A record, and the time on its clock."""
    clock = [0.0]
    made = Record(read_settings({}, ["embedded"], {}), clock=lambda: clock[0])
    made.usual = {"cpu run": 20.0, "stack": 1.0}
    return made, clock


def test_what_takes_as_long_as_ever_is_not_slow(record):
    made, clock = record
    with made.setup("cpu run"):
        clock[0] = 29
        assert made.pace() == ""
        clock[0] = 31
        for fact in ("cpu run", "31 s", "20 s in earlier runs"):
            assert fact in made.pace()
    assert made.pace() == ""


def test_what_is_over_in_seconds_or_new_is_not_slow(record):
    made, clock = record
    with made.setup("stack"):
        clock[0] = 9
        assert made.pace() == ""
    with made.setup("gpu run"):
        clock[0] = 900
        assert made.pace() == ""


def test_the_pace_is_that_of_the_innermost(record):
    made, clock = record
    with made.setup("cpu run"):
        clock[0] = 100
        with made.setup("stack"):
            assert made.pace() == ""
            clock[0] = 120
            assert made.pace().startswith("stack: 20 s")
        assert made.pace().startswith("cpu run: 120 s")


def fail(made, clock, error):
    """Fail after 25 s of setting up the CPU run."""
    with made.setup("cpu run"):
        clock[0] = 25
        raise error


def test_a_wait_that_was_too_long_says_how_long_it_took_before(record):
    made, clock = record
    error = WaitTimeout(Problem("waited 25 s for it", detail="    last words"))
    with pytest.raises(WaitTimeout):
        fail(made, clock, error)
    assert error.problem.what == "waited 25 s for it"
    assert str(error).splitlines()[1] == "    last words"
    assert "20 s in earlier runs" in str(error).splitlines()[2]
    assert [(span.name, span.failed) for span in made.results.spans] == [("cpu run", True)]


def test_what_failed_otherwise_says_nothing_of_its_time(record):
    made, clock = record
    error = AcceptanceError("no such image")
    with pytest.raises(AcceptanceError):
        fail(made, clock, error)
    assert str(error) == "no such image"


def ran(made, gpu="", **setup):
    return Earlier("", {**kind(made), "gpu": gpu}, {}, {}, setup)


def test_the_usual_time_is_the_median_of_runs_of_the_same_kind():
    made = results(0)
    alike = [ran(made, cpu_run=seconds) for seconds in (10.0, 30.0, 500.0)]
    other = Earlier("", {**kind(made), "profile": "tutorial"}, {}, {}, {"cpu_run": 9000.0})
    with_gpu = ran(made, "a GPU", gpu_run=7.0)
    assert usual(made, Past("", [other, *alike, with_gpu])) == {"cpu_run": 30.0, "gpu_run": 7.0}
    assert usual(made, Past("")) == {}


def test_the_history_has_the_times_of_what_did_not_fail():
    made = results(0)
    made.spans = [Span("cpu run", "setup", 0, 12), Span("stack", "setup", 0, 3, True), Span("x", "pull", 0, 3)]
    run = earlier(json.loads(line(made)))
    assert run
    assert run.setup == {"cpu run": 12.0}
    assert from_results(json.loads(made.as_json()))["setup"] == {"cpu run": 12.0}


@pytest.mark.parametrize("setup", [None, [], "x", {"cpu run": "long"}, {"cpu run": 1e300}])
def test_times_that_are_none_are_left_out(setup):
    run = earlier({**json.loads(line(results(0))), "setup": setup})
    assert run
    assert run.setup == {}


def test_a_run_knows_the_times_of_the_one_before_it(tmp_path):
    says = {"trainer_waits": "waited 300 s for the trainer"}
    assert run(tmp_path, {}, "-k", "cpu_model_learns").code == 1  # the made-up accuracy is too low for digits
    slow = results_of(run(tmp_path, says, "-k", "cpu_model_learns"))
    (cause,) = slow["causes"]
    assert cause["head"] == says["trainer_waits"]
    assert "cpu run" in cause["text"]
    assert "in earlier runs" in cause["text"]
