"""Runs the suite as a user would, in a process of its own, and reads what it reports."""

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from acceptance.options.table import NO_FILE
from acceptance.paths import ROOT

# util-linux' program, and no preexec_fn: what Python runs between fork and exec can die of gRPC's threads, unseen
WITH_PARENT = (shutil.which("setpriv") or "setpriv", "--pdeathsig", "TERM")
"""The beginning of a command that the kernel ends by SIGTERM when who started it is gone: none outlives its test."""


@dataclass(frozen=True)
class Scenario:
    """One scenario of a JUnit XML: `outcome` is passed, failed, error or skipped, `message` says why."""

    outcome: str
    message: str
    figures: dict[str, str]


@dataclass(frozen=True)
class SuiteRun:
    """A finished run: its exit code, what the terminal showed, the report's folder, and its process's id."""

    code: int
    output: str
    report: Path
    pid: int

    def scenarios(self) -> dict[str, Scenario]:
        """Return what `read_scenarios` does; a run that left no report is shown with its exit code."""
        assert (self.report / "junit.xml").exists(), f"no report, exit code {self.code}:\n{self.output}"
        return read_scenarios(self.report)


def read_scenarios(report: Path) -> dict[str, Scenario]:
    """Return a report's scenarios by the names that pytest-bdd gives them, `test_` left out."""
    found = {}
    for case in ElementTree.parse(report / "junit.xml").iter("testcase"):  # noqa: S314 - our own file
        outcome, message = "passed", ""
        for word in ("failure", "error", "skipped"):
            for element in case.findall(word):
                outcome = "failed" if word == "failure" else word
                message = f"{element.get('message')}\n{element.text}"
        figures = {item.get("name", ""): item.get("value", "") for item in case.iter("property")}
        found[case.get("name", "").removeprefix("test_")] = Scenario(outcome, message, figures)
    return found


def command(report: Path, *arguments: str, plugin: str = "") -> list[str]:
    """Return the command line of a run of the features; `plugin` is a module that pytest loads with `-p`."""
    return [sys.executable, "-m", *options(report, *arguments, plugin=plugin)]


def options(report: Path, *arguments: str, plugin: str = "") -> list[str]:
    """Return the command line from `pytest` on."""
    plugins = ["-p", plugin] if plugin else []
    return ["pytest", "features", *plugins, f"--report={report}", *arguments]


def environment(**variables: str) -> dict[str, str]:
    """Return this process's environment without what would change a run, and with the variables.

    A settings file in the checkout is not read unless one of them names it.
    """
    prefixes = ("ACCEPTANCE_", "CIFAR10_", "PYTEST_", "GITHUB_")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(prefixes) and name not in ("CI", "NO_COLOR", "FORCE_COLOR")
    }
    return {**kept, "ACCEPTANCE_SETTINGS": NO_FILE, **variables}


def run_suite(
    report: Path,
    *arguments: str,
    plugin: str = "",
    timeout: float = 300,
    inside: Sequence[str] = (),
    **variables: str,
) -> SuiteRun:
    """Run the features to their end, within so many seconds; the output, shown as well, holds stdout and stderr.

    `inside`: the command that runs it, such as `prlimit --nofile=256`.
    """
    with subprocess.Popen(
        [*WITH_PARENT, *inside, *command(report, *arguments, plugin=plugin)],
        cwd=ROOT,
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as popen:
        try:
            output, _ = popen.communicate(timeout=timeout)
        except BaseException:
            popen.kill()
            raise
    print(output, file=sys.stderr)  # pytest shows it where a test fails
    return SuiteRun(popen.returncode, output, report, popen.pid)
