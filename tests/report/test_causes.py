"""Failures and skips by their cause: one exception, or the same kind, thing and value, is said once everywhere."""

import json
import re

import pytest

from acceptance.errors import AcceptanceError, Problem, ProcessDied, WaitTimeout
from acceptance.report.causes import Causes, number, stable
from acceptance.report.cucumber import cucumber_json
from acceptance.report.page import render
from acceptance.report.results import FAILED, SKIPPED
from acceptance.report.tables import markdown, terminal_causes
from tests.report.made_up import results, scenario
from tests.report.test_run import results_of, run
from tools.suite_run import read_scenarios

WAITED = "waited 12 s for Triton at 127.0.0.1:41235 of triton-acceptance-1a2b3c4d; look at /a/report/logs"
LATER = "waited 30 s for Triton at 127.0.0.1:9001 of triton-acceptance-99ff00aa; look at /b/report/logs"


def causes_of(*errors, own=()):
    """Return the causes of scenarios that an exception each failed."""
    causes = Causes([], own)
    for count, error in enumerate(errors):
        causes.note(scenario(count, FAILED), FAILED, str(error), error)
    return causes.found


@pytest.mark.parametrize(
    ("errors", "count"),
    [
        ([AcceptanceError("no node"), AcceptanceError("no node")], 1),
        ([AcceptanceError("no node"), AcceptanceError("no pod")], 2),
        ([AcceptanceError("no node"), WaitTimeout("no node")], 2),
        ([AcceptanceError(Problem("a", "one fix", "a log")), AcceptanceError(Problem("a", "another", "more"))], 1),
        ([AssertionError(Problem("3 of 7 failed")), AssertionError(Problem("3 of 7 failed"))], 1),
        ([AssertionError(Problem("3 of 7 failed")), AssertionError(Problem("4 of 7 failed"))], 2),
        ([ValueError("what\nmore"), ValueError("what\nless")], 1),
        ([WaitTimeout(WAITED), WaitTimeout(LATER)], 1),
    ],
)
def test_the_same_kind_thing_and_value_are_one_cause(errors, count):
    found = causes_of(*errors, own=["/a/report", "/b/report"])
    assert len(found) == count
    assert sum(len(cause.scenarios) for cause in found) == len(errors)


def test_one_exception_is_one_cause_whatever_is_said_beside_it():
    one = ProcessDied("the trainer exited with 1")
    causes = Causes([])
    said = [causes.note(scenario(count, FAILED), FAILED, text, one) for count, text in enumerate(["a", "b"])]
    one.problem = Problem("the trainer was killed")
    said.append(causes.note(scenario(2, FAILED), FAILED, "c", one))
    assert len({cause.id for cause in said}) == 1
    assert causes.found[0].text == "a"
    assert len(causes.found[0].scenarios) == 3


def test_a_mistake_is_told_from_another_by_its_place():
    def one():
        raise KeyError("name")

    def another():
        raise KeyError("name")

    errors = []
    for act in (one, another, one):
        with pytest.raises(KeyError) as found:
            act()
        errors.append(found.value)
    first, second = causes_of(*errors)
    assert "tests/report/test_causes.py: one" in first.head
    assert "tests/report/test_causes.py: another" in second.head
    assert len(first.scenarios) == 2


def test_the_error_that_began_it_is_said_with_what_it_came_to():
    error = ValueError("no data")
    error.__cause__ = OSError("Tunnel connection failed: 407")
    (cause,) = causes_of(error)
    assert cause.head == "ValueError: no data (caused by OSError: Tunnel connection failed: 407)"


def test_a_scenario_that_failed_twice_has_both_causes():
    made = scenario(1, FAILED)
    causes = Causes([])
    for words in ("a step failed", "cleaning up failed", "a step failed"):
        causes.note(made, FAILED, words, AcceptanceError(words))
    assert made.causes == [cause.id for cause in causes.found]
    assert [cause.scenarios for cause in causes.found] == [[made.id], [made.id]]


def test_what_no_exception_tells_is_told_by_the_text():
    (cause,) = causes_of(None)
    assert cause.head == "None"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("run 0123456789abcdef0123456789abcdef", "run 0123456789abcdef0123456789abcde0"),
        ("GPU-2f1a77b1-6d6c-4a5b-9d3e-0a1b2c3d4e5f", "GPU-1f1a77b1-6d6c-4a5b-9d3e-0a1b2c3d4e5f"),
        ("<object at 0x7f12ab>", "<object at 0x7f12ac>"),
        ("localhost:8000 refused", "localhost:18001 refused"),
        ("[::1]:8000 refused", "[::1]:18001 refused"),
        ("host='127.0.0.1', port=4000", "host='127.0.0.1', port=4001"),
        ("after 12.5 s", "after 13 s"),
        ("at 2026-01-02T03:04:05.67Z", "at 2026-02-03T04:05:06Z"),
        ("at 03:04:05", "at 04:05:06,123"),
        ("pod triton-cpu-6f7d8c9b5-x2k4j", "pod triton-cpu-5d9c7b8f4-zz2bb"),
        ("pod vector-add-x2k4j", "pod vector-add-bbbbb"),
        ("/var/triton-acceptance-ab12_xyz/model", "/var/triton-acceptance-zz98_xyz/model"),
        ("trainer-cpu-quick-1 exited", "trainer-cpu-quick-3 exited"),
        ("pid 12", "pid 13"),
    ],
)
def test_an_id_knows_nothing_of_one_run(one, other):
    assert stable(one) == stable(other)
    assert one != stable(one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("image triton:25.02", "image triton:25.03"),
        ("exited with 1", "exited with 2"),
        ("node gpu-1", "node gpu-2"),
        ("50.0% in training", "51.0% in training"),
        (f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"),
        ("registry.example:5000", "registry.example:5001"),
        ("HTTP 404", "HTTP 407"),
    ],
)
def test_an_id_keeps_things_and_values(one, other):
    assert stable(one) != stable(other)


def test_what_is_secret_is_in_no_cause():
    causes = Causes([], redact=lambda text: text.replace("hush", "-"))
    cause = causes.note(scenario(1, FAILED), FAILED, "-", AcceptanceError(Problem("the token hush", "not hush")))
    assert cause.head == "the token -: not -"


def test_failures_are_numbered_first():
    made = results(0)
    causes = Causes(made.causes)
    for count, (outcome, words) in enumerate([(SKIPPED, "a"), (FAILED, "b"), (SKIPPED, "c"), (FAILED, "d")]):
        causes.note(scenario(count, outcome), outcome, words, AcceptanceError(words))
    number(made)
    assert [(cause.number, cause.head) for cause in made.causes] == [(1, "b"), (2, "d"), (3, "a"), (4, "c")]


def test_a_cause_of_many_scenarios_is_said_once_in_every_text():
    made = results(60)
    (failed, skipped) = made.causes
    assert (len(failed.scenarios), len(skipped.scenarios)) == (15, 15)
    terminal = "\n".join([*terminal_causes(made, FAILED), *terminal_causes(made, SKIPPED)])
    page = re.sub(r'data-words="[^"]*"', "", render(made))  # what the search looks through is not shown
    for text, failures in ((terminal, 1), (markdown(made), 1), (page, 2)):  # the page's head, and the first scenario
        assert text.count("it is not so") == failures
        assert text.count("nowhere a GPU") == 1
    tags = [tag["name"] for element in json.loads(cucumber_json(made))[0]["elements"] for tag in element["tags"]]
    assert tags.count(f"@cause-{failed.id}") == 5  # of the first feature's twenty


# --- a whole run


TRAINER = "the trainer exited with 1 after 3 s"


@pytest.fixture(scope="module")
def taken_down(tmp_path_factory):
    """The trainer dies in a session's fixture, which most scenarios ask for."""
    return run(tmp_path_factory.mktemp("taken"), {"trainer_died": TRAINER}, "-m", "not docker")


def test_one_fixtures_exception_is_one_cause_everywhere(taken_down):
    found = results_of(taken_down)
    (cause,) = [one for one in found["causes"] if one["outcome"] == FAILED]
    failed = [one for one in found["scenarios"] if one["outcome"] == FAILED]
    assert len(failed) >= 15
    assert cause["scenarios"] == [one["id"] for one in failed]
    assert {tuple(one["causes"]) for one in failed} == {(cause["id"],)}
    assert (cause["number"], cause["kind"], cause["head"]) == (1, "ProcessDied", TRAINER)
    # the terminal's end, after what was shown while it went on
    shown, end = taken_down.output.split("= what failed =", 1)
    assert end.count(TRAINER) == 1
    assert shown.count(TRAINER) == 1
    assert f"    {len(failed)} scenarios:" in end.splitlines()
    for one in failed:
        assert f"      {one['name']}" in end.splitlines()
    claims = [one for one in found["claims"] if cause["id"] in one["causes"]]
    assert len(claims) >= 2
    assert end.count("  here: cause 1\n") == len(claims)
    page = (taken_down.report / "report.html").read_text()
    assert len(re.findall(rf"<(?:li|pre|p|td)[^>]*>[^<]*(?:<span[^>]*>failed</span> )?{TRAINER}", page)) == 2
    assert page.count('<a href="#cause-1">') == len(failed) + len(claims)
    summary = (taken_down.report / "summary.md").read_text()
    assert summary.count(TRAINER) == 1
    properties = [one.figures.get("cause") for one in read_scenarios(taken_down.report).values()]
    assert properties.count(cause["id"]) == len(failed)
    cucumber = (taken_down.report / "cucumber.json").read_text()
    assert cucumber.count(f"@cause-{cause['id']}") == len(failed)


def test_a_causes_id_is_the_same_in_the_next_run(taken_down, tmp_path):
    again = run(tmp_path, {"trainer_died": TRAINER.replace("3 s", "4 s")}, "-k", "deer")
    assert {one["id"] for one in results_of(again)["causes"]} <= {one["id"] for one in results_of(taken_down)["causes"]}


def test_skips_are_said_once_as_well(tmp_path):
    result = run(
        tmp_path,
        {"reason": "nowhere a GPU"},
        "-m",
        "gpu and not docker and not beyond and not node and not kserve and not workflow",
    )
    found = results_of(result)
    words = "no GPU: nowhere a GPU"
    assert [one["outcome"] for one in found["causes"]] == [SKIPPED]
    assert len(found["causes"][0]["scenarios"]) == len(found["scenarios"]) >= 4
    live, end = result.output.split("= what was skipped =", 1)
    assert live.count(words) == end.count(words) == 1
    assert "short test summary" not in end
    assert (result.report / "summary.md").read_text().count(words) == 1
