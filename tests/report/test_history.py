"""The history: what moved beyond its noise, what is a new failure, and files that are broken in every way."""

import fcntl
import json
import threading
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acceptance.report.history import Past, append, compare, earlier, key_figures, kind, line, read
from acceptance.report.results import FAILED, PASSED
from tests.report.made_up import load, results, scenario
from tests.threads import beside


def run(median_ms=8.0, outcome=PASSED, **changes):
    made = results(scenarios=0, loads=[load("cpu", median_ms)], trainings=[], **changes)
    made.scenarios = [scenario(0, outcome)]
    made.finish(100.0)
    return made


def past(*runs):
    return Past("here", [found for made in runs if (found := earlier(json.loads(line(made))))])


def moved(now, *before):
    return {one.name: one.direction for one in compare(now, past(*before)).changes}


def test_a_figure_within_its_noise_has_not_moved():
    assert moved(run(8.4), *[run(8.0)] * 5)["CPU latency p50"] == "same"


def test_a_slower_answer_is_worse_and_a_faster_one_better():
    assert moved(run(16.0), *[run(8.0)] * 5)["CPU latency p50"] == "worse"
    assert moved(run(4.0), *[run(8.0)] * 5)["CPU latency p50"] == "better"
    words = [one.words for one in compare(run(16.0), past(*[run(8.0)] * 5)).changes if one.name == "CPU latency p50"]
    assert words == ["↑ worse"]


@pytest.mark.parametrize(
    ("name", "now", "direction"),
    [
        ("p50", 9.9, "same"),
        ("p50", 10.1, "worse"),
        ("p50", 6.1, "same"),
        ("p50", 5.9, "better"),
        ("p99", 11.9, "same"),
        ("p99", 12.1, "worse"),
        ("p99", 3.9, "better"),
    ],
)
def test_noise_is_a_share_of_what_it_was_before_upwards_and_downwards(name, now, direction):
    before, after = run(), run()
    before.loads[0].latency_ms[name], after.loads[0].latency_ms[name] = 8.0, now
    assert moved(after, before)[f"CPU latency {name}"] == direction


def test_a_run_that_failed_or_checked_less_is_not_faster():
    slow, quick = run(), run(outcome=FAILED)
    slow.seconds, quick.seconds = 340.0, 5.0
    assert "whole run" not in moved(quick, slow)
    assert moved(slow, slow)["whole run"] == "same"
    more = run()
    more.scenarios.append(scenario(4, PASSED))
    assert "whole run" not in moved(more, slow)


def test_what_varied_before_may_vary_now():
    before = [run(median) for median in (4.0, 8.0, 16.0, 8.0, 20.0, 5.0)]
    assert moved(run(16.0), *before)["CPU latency p50"] == "same"


def test_the_median_counts_and_not_one_bad_night():
    assert moved(run(8.0), run(8.0), run(8.0), run(80.0), run(8.0), run(8.0))["CPU latency p50"] == "same"


@pytest.mark.parametrize(
    "change", [{"target": "docker"}, {"profile": "tutorial"}, {"data": "x"}, {"rate": 1}, {"machine": "y"}]
)
def test_runs_of_another_kind_are_not_compared(change):
    found = compare(run(16.0), past(replace(run(8.0), **change)))
    assert (found.runs, found.changes) == (0, [])
    assert "1 runs of another target" in found.notes[0]


def test_an_invalid_load_is_not_a_figure():
    made = run(8.0)
    made.loads[0].invalid = ["late"]
    assert not [figure for figure in key_figures(made) if "latency" in figure.name]


def test_a_failure_is_new_when_the_scenario_passed_the_last_time_that_it_ran():
    known = scenario(0, PASSED).id
    assert compare(run(outcome=FAILED), past(run(outcome=FAILED), run(outcome=PASSED))).new_failures == [known]
    assert compare(run(outcome=FAILED), past(run(outcome=PASSED), run(outcome=FAILED))).new_failures == []
    assert compare(run(outcome=FAILED), past(run(outcome=PASSED), run(outcome="skipped"))).new_failures == [known]
    assert compare(run(outcome=PASSED), past(run(outcome=FAILED))).fixed == [known]
    assert compare(run(outcome=FAILED), past()).new_failures == []


def test_a_line_that_was_cut_short_does_not_take_the_next_one_with_it(tmp_path):
    file = tmp_path / "history.jsonl"
    append(file, run())
    file.write_text(file.read_text()[:-20])
    append(file, run())
    found = read(file)
    assert (len(found.runs), found.broken) == (1, 1)
    assert "1 entries are no runs" in compare(run(), found).notes[0]


def test_a_run_that_ends_while_another_writes_waits_for_its_turn(tmp_path):
    file = tmp_path / "history.jsonl"
    append(file, run())
    whole = file.read_bytes()
    appended = threading.Event()

    def write():
        append(file, run())
        appended.set()

    with file.open("ab") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        first.write(whole[:-20])
        first.flush()
        with beside(write):
            assert not appended.wait(0.3)
            first.write(whole[-20:])
            first.close()
    found = read(file)
    assert (len(found.runs), found.broken) == (3, 0)


def test_a_results_json_can_be_compared_with(tmp_path):
    file = tmp_path / "results.json"
    file.write_text(run(8.0).as_json())
    found = compare(run(16.0), read(file))
    assert found.runs == 1
    assert {one.name: one.direction for one in found.changes}["CPU latency p50"] == "worse"


def test_a_file_that_is_not_there_or_a_folder_is_named(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        found = compare(run(), read(path))
        assert str(path) in found.notes[0]
        assert "can't be read" in found.notes[0]


@pytest.mark.parametrize("wrong", [1.7e308, -1.7e308, 10**400, float("nan"), float("inf"), True, "8", None])
def test_a_figure_that_no_run_came_to_is_left_out(tmp_path, wrong):
    entry = json.loads(line(run()))
    entry["figures"]["CPU latency p50"] = wrong
    file = tmp_path / "history.jsonl"
    file.write_text(f"{json.dumps(entry)}\n" * 2)
    made = run()
    made.comparison = compare(made, read(file))
    assert "CPU latency p50" not in {one.name for one in made.comparison.changes}
    json.loads(made.as_json())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "version": st.just(1) | JSON,
        "started": JSON,
        "kind": st.just(kind(run())) | JSON,
        "figures": st.dictionaries(st.just("CPU latency p50"), JSON) | JSON,
        "scenarios": st.dictionaries(st.just(scenario(0, PASSED).id), st.sampled_from([PASSED, FAILED]) | JSON) | JSON,
        "location": JSON,
        "loads": JSON,
        "trainings": JSON,
    },
)


@settings(max_examples=300, deadline=None)
@given(lines=st.lists(st.binary(max_size=60) | ENTRY.map(lambda entry: json.dumps(entry).encode()), max_size=6))
def test_no_file_stops_a_comparison(tmp_path_factory, lines):
    file = tmp_path_factory.getbasetemp() / "fuzzed.jsonl"
    file.write_bytes(b"\n".join(lines))
    made = run()
    made.comparison = compare(made, read(file))
    json.loads(made.as_json())


@settings(max_examples=200, deadline=None)
@given(cut=st.integers(0, 5000), at=st.integers(0, 5000), byte=st.integers(0, 255))
def test_no_damaged_results_json_stops_a_comparison(tmp_path_factory, cut, at, byte):
    whole = bytearray(run().as_json().encode())
    whole[at % len(whole)] = byte
    file = tmp_path_factory.getbasetemp() / "damaged.json"
    file.write_bytes(whole[: len(whole) - cut % len(whole)])
    made = run()
    made.comparison = compare(made, read(file))
    json.loads(made.as_json())
