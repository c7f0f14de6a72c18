"""Tests that are cut off leave no namespace on the lab."""

import signal
import subprocess
import sys

import pytest
from kubernetes import client

from acceptance.paths import ROOT
from acceptance.waiting import Ready, wait_until
from tests.cluster.left_behind import TESTS

pytestmark = pytest.mark.cluster
# a test whose pod is diagnosed for as long as it is let
A_TEST = "tests/cluster/test_diagnosis.py::test_a_crash_loop_of_an_init_container"


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_a_test_that_is_cut_off_leaves_no_namespace(api, sent):
    core = client.CoreV1Api(api)

    def state(pid, wanted):
        found = core.list_namespace(label_selector=f"{TESTS}={pid}", _request_timeout=10).items
        return Ready(None) if bool(found) == wanted else f"there are {len(found)}"

    def begun(tests):
        assert tests.poll() is None, f"it ended by itself:\n{tests.stdout.read().decode()}"
        return state(tests.pid, True)

    with subprocess.Popen(
        [sys.executable, "-m", "pytest", A_TEST, "-q"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as tests:
        try:
            wait_until("the test's namespace", lambda: begun(tests), 60)
            tests.send_signal(sent)
            said, _ = tests.communicate(timeout=60)
        finally:
            tests.kill()
    assert tests.returncode == (2 if sent == signal.SIGTERM else -sent), said.decode()  # 2: pytest was interrupted
    wait_until("the namespace to go", lambda: state(tests.pid, False), 60)
