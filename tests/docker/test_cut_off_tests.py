"""Tests that are cut off leave nothing on the daemon."""

import signal
import subprocess
import sys

import pytest

from acceptance.docker.cleanup import PART_OF, find_labelled
from acceptance.paths import ROOT
from acceptance.waiting import Ready, wait_until
from tests.chain.leftovers import CLEAN_SECONDS

pytestmark = pytest.mark.docker
((NAME, VALUE),) = PART_OF.items()
# it waits for the second container of a run
A_TEST = "tests/docker/test_docker_interrupts.py::test_kill_9_leaves_no_container_and_no_directory"


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_a_test_that_is_cut_off_leaves_no_container_and_no_network(client, sent):
    def found():
        there = find_labelled(client, f"{NAME}={VALUE}")
        return [f"{kind} {one.name}" for kind, some in there.items() for one in some]

    def started():
        return Ready(None) if any(one.startswith("container") for one in found()) else str(found())

    def gone():
        return str(left) if (left := found()) else Ready(None)

    with subprocess.Popen(
        [sys.executable, "-m", "pytest", A_TEST, "-q"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as tests:
        try:
            wait_until("a container of the test's run", started, 60)
            tests.send_signal(sent)
            said, _ = tests.communicate(timeout=60)
        finally:
            tests.kill()
    assert tests.returncode == (2 if sent == signal.SIGTERM else -sent), said.decode()  # 2: pytest was interrupted
    wait_until("nothing to be left", gone, CLEAN_SECONDS)
