"""What whole runs leave, on the made-up stack: passed, failed in every way, interrupted, killed, on a full disk."""

import contextlib
import errno
import json
import os
import pty
import re
import signal
import subprocess
import threading

import pytest

from acceptance.paths import ROOT
from fixtures.report.place import Place
from fixtures.report.writer import reason
from tests.report.pages import faults, opened
from tests.report.test_results import VALIDATOR
from tests.running import MADE_UP_SECONDS, run_made_up, started_suite
from tests.small_disk import small_disk
from tools.suite_run import command, environment, read_scenarios

GPU = ("-m", "gpu and not docker and not beyond")
FEW = ("-k", "cudavectoradd or gpu_model_learns")
FEW_AND_A_LOAD = ("-k", "cudavectoradd or gpu_model_learns or gpu_answers")
LOG = "a log line <script>document.title = 'taken'</script>\n"


def run(folder, says=None, *arguments, **how):
    return run_made_up(folder / "report", says or {}, "--data=digits", *arguments, **how)


def results_of(result):
    found = json.loads((result.report / "results.json").read_text())
    VALIDATOR.validate(found)
    return found


def outcomes(found):
    return {scenario["name"]: scenario["outcome"] for scenario in found["scenarios"]}


# --- every kind of failure


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """Nothing answers on the made-up endpoints, so that most scenarios fail in a way of their own."""
    says = {"training_accuracy": 0.5, "log": LOG}
    # all scenarios: four at a time on two cores it took 43 s, and more beside a cluster
    return run(tmp_path_factory.mktemp("failed"), says, "--require-gpu", drawn=True, timeout=3 * MADE_UP_SECONDS)


def test_a_run_with_failures_of_every_kind_says_each(failed):
    found = results_of(failed)
    assert failed.code == 1
    assert found["verdict"] == "FAILED"
    reached = outcomes(found)
    assert reached["The cuda-vector-add pod passes"] == "passed"
    assert reached["The GPU model learns"] == "failed"
    assert reached["The deer lands at index 4"] == "failed"
    assert reached["Docker has the nvidia runtime"] == "skipped"
    by_name = {scenario["name"]: scenario for scenario in found["scenarios"]}
    assert "50.0% in training, not 95 %" in by_name["The GPU model learns"]["error"]
    steps = [step["outcome"] for step in by_name["The GPU model learns"]["steps"]]
    assert steps == ["passed", "failed", *["not run"] * 4]
    assert "runs on --target docker" in by_name["Docker has the nvidia runtime"]["reason"]


@pytest.mark.browser
def test_the_report_of_failures_has_nothing_wrong_and_the_evidence_one_click_away(browser, failed):
    file = failed.report / "report.html"
    assert faults(browser, file) == []
    with opened(browser, file) as found:
        found.page.locator("details.scenario[open] a", has_text="made-up.log").first.click()
        log = found.page.locator("#log-1 pre")
        log.wait_for(state="visible")  # the page opens it when it hears of the link
        assert "a log line <script>" in log.inner_text()
        assert found.page.title().startswith("FAILED")


def test_the_terminal_shows_gherkin_as_it_runs_and_ends_with_the_claims(failed):
    lines = failed.output.splitlines()
    at = lines.index("  Scenario: The GPU model learns")
    assert "Feature: The models learn" in lines[:at]
    said = [line for line in lines[at:] if line.startswith(("    ✓ ", "    ✗ "))]
    assert said[0].startswith("    ✓ Given the model trained on the GPU")
    # one that took half a second has that behind it
    assert any(line.startswith("    ✗ Then its training accuracy is at least 95 %") for line in said)
    skipped = next(number for number, line in enumerate(lines) if line.startswith("    - skipped: the embedded target"))
    assert lines[skipped - 1] == "  Scenario: Docker runs a container for this user"
    assert lines[skipped - 2] == "Feature: Docker runs containers with a GPU"
    assert any("the tutorial's claims: FAILED" in line for line in lines)
    assert f"report: {failed.report / 'report.html'}" in lines
    assert "\x1b[" not in failed.output


def test_a_step_that_nobody_has_defined_is_shown_as_failed(tmp_path):
    result = run(tmp_path, {}, *GPU, "-p", "no:steps.load")
    assert result.code == 1
    assert "    ✗ When both get the tutorial's load in turns" in result.output
    steps = next(one["steps"] for one in results_of(result)["scenarios"] if "faster" in one["name"])
    assert [step["outcome"] for step in steps] == ["passed", "failed", *["not run"] * 5]


def test_on_a_terminal_progress_is_written_over_and_leaves_no_line(tmp_path):
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command(tmp_path / "report", "--data=digits", *FEW, plugin="tests.contract.fake_stack"),
        cwd=ROOT,
        env=environment(FAKE_STACK="{}", TERM="xterm", COLUMNS="100"),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ) as popen:
        os.close(theirs)
        late = threading.Timer(MADE_UP_SECONDS, popen.kill)
        late.start()
        shown = b""
        with contextlib.suppress(OSError):  # how Linux says that the other end was closed
            while piece := os.read(ours, 1 << 16):
                shown += piece
        late.cancel()
    os.close(ours)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode())
    assert "\r    … Then its training accuracy is at least 95 %" in plain
    lines = [seen(line).rstrip() for line in plain.replace("\r\n", "\n").split("\n")]
    at = lines.index("  Scenario: The GPU model learns")
    assert re.fullmatch(r"    ✓ Given the model trained on the GPU( \(.*\))?", lines[at + 2]), lines[at : at + 9]
    assert [re.sub(r"(95 %|asked for) \(.*\)$", r"\1", line) for line in lines[at + 3 : at + 6]] == [
        "    ✓ Then its training accuracy is at least 95 %",
        "        training accuracy: 96.4%",
        "    ✓ And as many epochs ran as were asked for",
    ]


def seen(line):
    """Return what is left of a line in which carriage returns went back to its start."""
    text = ""
    for part in line.split("\r"):
        text = part + text[len(part) :]
    return text


def test_no_color_wins_over_a_terminal_that_is_forced(tmp_path):
    coloured = run(tmp_path / "a", {}, *FEW, FORCE_COLOR="1", NO_COLOR="")
    plain = run(tmp_path / "b", {}, *FEW, FORCE_COLOR="1", NO_COLOR="1")
    assert "\x1b[32m    ✓" in coloured.output
    assert "\x1b[" not in plain.output


def test_quiet_has_pytests_dots(tmp_path):
    result = run(tmp_path, {}, "-q", *FEW)
    assert re.search(r"^\.\.", result.output, re.MULTILINE)
    assert "Scenario:" not in result.output


def test_a_run_that_chose_nothing_has_checked_nothing(tmp_path):
    result = run(tmp_path, {}, "-k", "no_such_scenario")
    assert result.code == 5
    assert results_of(result)["verdict"] == "NOTHING CHECKED"


# --- runs that are cut short


@pytest.mark.parametrize("happens", ["interrupt", "interrupt between two lines"])
def test_an_interrupted_run_leaves_a_report_that_says_so(tmp_path, happens):
    result = run(tmp_path, {"happens": happens}, *FEW_AND_A_LOAD)
    found = results_of(result)
    assert result.code == 2
    assert found["verdict"] == "INTERRUPTED"
    assert outcomes(found) == {
        "The cuda-vector-add pod passes": "passed",
        "The GPU answers faster than the CPU": "not run",
        "The GPU model learns": "passed",
    }
    assert any("under way" in one["reason"] for one in found["scenarios"])
    assert "INTERRUPTED" in (result.report / "report.html").read_text()


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [(signal.SIGINT, signal.SIGINT, 2), (signal.SIGINT, signal.SIGTERM, 143), (signal.SIGTERM, signal.SIGINT, 143)],
)
def test_a_second_signal_cuts_the_end_short_and_leaves_the_whole_report(tmp_path, first, second, code):
    variables = {"FAKE_STACK": json.dumps({"happens": "hang"}), "TMPDIR": str(tmp_path)}
    with started_suite(
        tmp_path, "--data=digits", *FEW_AND_A_LOAD, plugin="tests.contract.fake_stack", **variables
    ) as run:
        run.wait_for_log("load")
        run.popen.send_signal(first)
        run.wait_for_log("ending")
        run.popen.send_signal(second)
        assert run.wait_for_end(30) == code, run.output
    assert "Traceback" not in run.output
    assert "second signal" in run.output
    assert json.loads((run.report / "results.json").read_text())["verdict"] == "INTERRUPTED"
    assert "INTERRUPTED" in (run.report / "report.html").read_text()
    assert {"junit.xml", "cucumber.json", "summary.md"} <= {file.name for file in run.report.iterdir()}


def test_a_killed_run_leaves_what_it_had(tmp_path):
    result = run(tmp_path, {"happens": "kill"}, *FEW_AND_A_LOAD, TMPDIR=str(tmp_path))
    found = results_of(result)
    assert result.code == -9
    assert found["verdict"] == "DID NOT FINISH"
    assert outcomes(found)["The GPU model learns"] == "passed"
    assert outcomes(found)["The GPU answers faster than the CPU"] == "not run"
    assert "DID NOT FINISH" in (result.report / "report.html").read_text()


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", "110m") as disk:
        yield disk


def test_a_disk_that_is_full_at_the_end_is_named_with_each_file_that_is_missing(disk):
    result = run(disk, {"happens": "fill the disk"}, *FEW_AND_A_LOAD)
    assert "3 passed" in result.output
    assert result.code == 1, result.output
    for name in ("results.json", "cucumber.json", "report.html", "junit.xml"):
        assert f"NOT WRITTEN: {result.report / name}: No space left on device" in result.output
    assert "✓ A pod computes on the cluster's GPU: passed" in result.output
    assert "Traceback" not in result.output
    assert "DID NOT FINISH" in (result.report / "report.html").read_text()


def test_a_killed_run_leaves_nothing_of_an_earlier_one_in_its_folder(tmp_path):
    run(tmp_path, {"training_accuracy": 0.5, "log": LOG}, *FEW)
    result = run(tmp_path, {"happens": "kill"}, *FEW_AND_A_LOAD, TMPDIR=str(tmp_path))
    assert sorted(file.name for file in result.report.iterdir()) == ["logs", "report.html", "results.json"]
    assert [file.name for file in (result.report / "logs").iterdir()] == ["parts.log"]  # the made-up stack's


def test_an_interrupted_run_tells_what_its_end_told(tmp_path):
    whole, cut = (run(tmp_path / name, {"happens": name}, *FEW_AND_A_LOAD) for name in ("", "interrupt"))
    assert results_of(whole)["versions"]["Made-Up"] == "1.0"
    assert results_of(cut)["versions"]["Made-Up"] == "1.0"


def test_what_cannot_be_drawn_does_not_take_the_report_with_it(tmp_path):
    result = run(tmp_path, {}, *FEW, drawn=False)
    page = (result.report / "report.html").read_text()
    assert result.code == 0, result.output
    assert "could not be drawn: ModuleNotFoundError(" in page
    assert "PASSED" in page
    assert (result.report / "junit.xml").exists()


def test_a_file_that_cannot_be_read_fails_the_run_and_is_in_its_report(tmp_path):
    result = run(tmp_path, {}, "tests/report/no_such_folder_at_all", *FEW)
    assert result.code == 4
    broken = tmp_path / "test_broken.py"
    broken.write_text("def broken(:\n")
    result = run(tmp_path, {}, str(broken), *FEW)
    found = results_of(result)
    assert result.code == 2
    assert found["verdict"] == "FAILED"
    assert "SyntaxError" in found["notes"][0]


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("--html=/proc/nowhere/report.html", "can't be written"),
        ("--html={folder}", "--html {folder}: is a folder"),
        (f"--html={'x' * 300}.html", "File name too long"),
        ("--junitxml=/proc/nowhere/junit.xml", "/proc/nowhere: can't be written"),
        ("--junitxml=/etc/passwd/x.xml", "/etc/passwd: can't be written"),
        ("--junitxml=$FOLDER", "--junitxml {folder}: is a folder"),
        ("--junitxml={folder}/pipe", "--junitxml {folder}/pipe: is a folder or a device; name a file"),
        ("--report={folder}/taken", "{folder}/taken/summary.md: an earlier run's can't be removed (Is a directory)"),
        ("--report={folder}/spoilt", "{folder}/spoilt/logs: can't be written (File exists)"),
    ],
)
def test_a_file_that_cannot_be_written_is_said_before_anything_starts(tmp_path, argument, words):
    (tmp_path / "taken" / "summary.md").mkdir(parents=True)
    (tmp_path / "spoilt").mkdir()
    (tmp_path / "spoilt" / "logs").write_text("a file")
    os.mkfifo(tmp_path / "pipe")
    result = run(tmp_path, {}, argument.format(folder=tmp_path), *FEW, FOLDER=str(tmp_path))
    errors = [line for line in result.output.splitlines() if line.startswith("ERROR: ")]
    assert result.code == 4, result.output
    assert "Traceback" not in result.output
    assert [words.format(folder=tmp_path) in line for line in errors] == [True], result.output


def test_pytests_own_junit_xml_goes_where_it_is_told(tmp_path):
    result = run(tmp_path, {}, "--junitxml=$FOLDER/junit.xml", *FEW, FOLDER=str(tmp_path / "own"))
    assert result.code == 0, result.output
    assert read_scenarios(tmp_path / "own")["the_gpu_model_learns"].outcome == "passed"
    assert not (result.report / "junit.xml").exists()


# --- from run to run, and for machines


def test_a_failure_that_is_new_is_marked_new(tmp_path):
    def new(says):
        return {one["name"] for one in results_of(run(tmp_path, says, *FEW))["scenarios"] if one["new_failure"]}

    broken = {"training_accuracy": 0.5}
    assert [new({}), new(broken), new(broken)] == [set(), {"The GPU model learns"}, set()]


def test_a_history_that_is_broken_is_named_and_stops_nothing(tmp_path):
    (tmp_path / "history.jsonl").write_bytes(b"\xff\x00{not json\n[]\n")
    result = run(tmp_path, {}, *FEW)
    assert result.code == 0
    assert "2 entries are no runs" in results_of(result)["comparison"]["notes"][0]
    assert len((tmp_path / "history.jsonl").read_bytes().splitlines()) == 3


def test_compare_takes_another_runs_results(tmp_path):
    run(tmp_path / "one", {"cpu_ms": 7.2}, *FEW_AND_A_LOAD)
    earlier = tmp_path / "one" / "report" / "results.json"
    result = run(tmp_path / "two", {"cpu_ms": 30}, *FEW_AND_A_LOAD, f"--compare={earlier}")
    changes = {one["name"]: one for one in results_of(result)["comparison"]["changes"]}
    assert changes["CPU latency p50"]["direction"] == "worse"
    assert "↑ worse: CPU latency p50 30 ms, was 7.2 ms" in result.output


def test_a_run_is_not_compared_with_itself(tmp_path):
    run(tmp_path, {}, *FEW)
    result = run(tmp_path, {"training_accuracy": 0.5}, *FEW, f"--compare={tmp_path / 'report' / 'results.json'}")
    assert [one["name"] for one in results_of(result)["scenarios"] if one["new_failure"]] == ["The GPU model learns"]
    assert "      The GPU model learns (new failure)" in result.output.splitlines()


def test_ci_gets_a_summary_and_the_report_stays_beside_it(tmp_path):
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    result = run(tmp_path, {}, *FEW, GITHUB_STEP_SUMMARY=str(summary))
    assert summary.read_text().startswith("before\n## triton-acceptance: PASSED")
    assert (result.report / "summary.md").read_text() in summary.read_text()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "free some space"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "free some space"),
        (PermissionError(errno.EACCES, "Permission denied"), "Permission denied; name another"),
        (OSError(errno.ENAMETOOLONG, "File name too long"), "too long; name another"),
    ],
)
def test_the_hint_for_a_file_that_was_not_written_fits_its_error(error, words):
    assert words in reason(error, "--html")
    assert "--html" in reason(error, "--html")
    assert ("free" in words) == ("free" in reason(error, "--html"))


def test_a_job_summary_that_cannot_be_written_is_told_by_its_own_name(tmp_path):
    nowhere = tmp_path / "nowhere" / "summary.md"
    result = run(tmp_path, {}, "-k", "cudavectoradd", GITHUB_STEP_SUMMARY=str(nowhere))
    (said,) = [line for line in result.output.splitlines() if line.startswith("NOT WRITTEN")]
    assert result.code == 1
    assert f"{nowhere}: No such file or directory" in said
    assert "GITHUB_STEP_SUMMARY" in said
    assert "--report" not in said


@pytest.mark.parametrize(
    ("name", "named_by"),
    [
        ("report/results.json", "--report"),
        ("report/junit.xml", "--report"),
        ("own/page.html", "--html"),
        ("own/x.xml", "--junitxml"),
        ("own/step", "GITHUB_STEP_SUMMARY"),
    ],
)
def test_each_file_is_known_by_what_names_it(tmp_path, name, named_by):
    place = Place(tmp_path / "report", tmp_path / "own/page.html", tmp_path / "own/x.xml", ())
    assert place.named_by(tmp_path / name) == named_by


def test_no_escape_and_no_control_character_is_in_what_a_run_leaves(tmp_path):
    coloured = "a \x1b[31mred\x1b[0m\x07\x00 \u202eword"
    says = {"trainer_died": f"the trainer died: {coloured}\n    more {coloured}", "log": coloured}
    for number, words in enumerate([says, {"gpu": "", "reason": f"no driver: {coloured}"}]):
        result = run(tmp_path / str(number), words, "-k", "model_learns")
        for name in ("report.html", "summary.md", "junit.xml", "results.json", "cucumber.json"):
            text = (result.report / name).read_text()
            assert "a red word" in text, name
            for form in ("\x1b", "\x07", "\u202e", "#x1B", "#x07", "#x00", "\\u001b", "\\u0007", "\\u0000", "[31m"):
                assert form not in text, name
        assert "\x1b" not in result.output


def test_no_secret_is_in_what_a_run_leaves(tmp_path):
    secret, key = "hush" * 4, "AKIA" + "B" * 16
    says = {"pod_phase": "Failed", "pod_log": f"password={secret} {key}", "log": f"Authorization: Bearer {secret}\n"}
    result = run(tmp_path, says, "-m", "cluster", REGISTRY_PASSWORD=secret)
    check_for_secrets(result, secret, key)
    assert result.code == 1
    assert (result.report / "logs" / "made-up.log").exists()
    assert "ended Failed" in (result.report / "report.html").read_text()
    without = {"gpu": "", "reason": f"the device plugin says token={secret} {key}"}
    result = run(tmp_path, without, *FEW, REGISTRY_PASSWORD=secret)
    check_for_secrets(result, secret, key)
    assert "the device plugin says" in (result.report / "report.html").read_text()


def check_for_secrets(result, *secrets):
    files = {file: file.read_text(errors="replace") for file in result.report.rglob("*") if file.is_file()}
    assert len(files) >= 5
    for place, text in {**files, "the terminal": result.output}.items():
        for secret in secrets:
            assert secret not in text, place
