"""Limits of what processes may take: soft ones are raised, hard ones are said."""

import resource
import subprocess
import sys

import pytest

from acceptance.processes.rlimits import Limit, too_low
from tests.unit.problems import assert_problem

FILES = Limit(resource.RLIMIT_NOFILE, "n", "open files", 640)
MEMORY = Limit(resource.RLIMIT_AS, "v", "KiB of address space", 8 << 30, unit=1024)
RAISED = """
import resource
from acceptance.processes.rlimits import Limit, raise_soft_limits
raise_soft_limits([Limit(resource.RLIMIT_NOFILE, "n", "open files", 640)])
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("given", "now"), [("64:4096", "640 4096"), ("64:640", "640 640"), ("64:256", "256 256"), ("900:900", "900 900")]
)
def test_a_soft_limit_is_raised_as_far_as_the_hard_one_allows_and_none_is_lowered(given, now):
    command = ["prlimit", f"--nofile={given}", sys.executable, "-c", RAISED]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == now


@pytest.mark.parametrize(("value", "enough"), [(639, False), (640, True), (resource.RLIM_INFINITY, True)])
def test_what_is_enough(value, enough):
    assert FILES.enough(value) == enough


SAID = """
import resource
from acceptance.processes.rlimits import Limit, too_low
print(too_low(Limit({number}, "{option}", "{what}", {least}, {unit})))
"""


@pytest.mark.parametrize(
    ("prlimit", "limit", "words"),
    [
        ("--nofile=64:256", FILES, ["`ulimit -Hn` is 256 (open files)", "needs 640", "--ulimit"]),
        ("--as=4294967296:4294967296", MEMORY, ["`ulimit -Hv` is 4194304 (KiB", "needs 8388608"]),
        ("--nofile=64:4096", FILES, []),
        ("--as=8589934592:8589934592", MEMORY, []),
    ],
)
def test_a_hard_limit_that_is_too_low_is_named_in_ulimits_unit_with_what_is_needed(prlimit, limit, words):
    script = SAID.format(
        number=limit.resource, option=limit.option, what=limit.what, least=limit.least, unit=limit.unit
    )
    said = subprocess.run(
        ["prlimit", prlimit, sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    if not words:
        assert said.stdout.strip() == "None"
    for word in words:
        assert word in said.stdout


def test_no_limit_at_all_is_no_problem():
    assert_problem(too_low(Limit(resource.RLIMIT_NOFILE, "n", "open files", 1)))
