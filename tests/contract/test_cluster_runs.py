"""Contract tests: whole runs on --target kind and k3d with made-up programs, to their early end or cut off."""

import signal

import pytest

from acceptance.waiting import Ready, wait_until
from tests.contract.fakes import Fakes
from tests.prepared import run_prepared
from tests.running import MADE_UP_SECONDS, started_suite

BOTH = pytest.mark.parametrize("target", ["k3d", "kind"])
NO_PORT = {"k3d": ["--agents=0"], "kind": []}


@pytest.fixture
def fakes(tmp_path):
    return Fakes(tmp_path / "bin")


@BOTH
def test_what_is_missing_ends_the_run_before_it_begins(fakes, tmp_path, target):
    path = fakes.install(target)
    result = run_prepared(
        tmp_path / "report", f"--target={target}", "--data=digits", timeout=MADE_UP_SECONDS, PATH=path
    )
    assert result.code == 4
    for fact in (f"ERROR: --target {target}: {target} is not on the PATH", "install"):
        assert fact in result.output
    assert not (tmp_path / "report" / "junit.xml").exists()


@BOTH
def test_a_create_that_fails_fails_the_scenario_with_its_cause(fakes, tmp_path, target):
    path = fakes.install(create="fails")
    options = [f"--target={target}", *NO_PORT[target], "--data=digits", "-k", "cpu_model_learns"]
    result = run_prepared(tmp_path / "report", *options, timeout=MADE_UP_SECONDS, PATH=path)
    (scenario,) = result.scenarios().values()
    assert scenario.outcome == "failed"
    assert f"{target} could not create a cluster" in scenario.message
    assert "docker failed to pull image" in scenario.message
    assert fakes.left() == []


@BOTH
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 2), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_run_that_is_cut_off_while_the_cluster_is_made_leaves_nothing(fakes, tmp_path, target, number, code):
    path = fakes.install(create="hangs")
    (tmp_path / "tmp").mkdir()
    only = ["--data=digits", "-k", "cpu_model_learns"]
    variables = {"PATH": path, "TMPDIR": str(tmp_path / "tmp")}
    with started_suite(tmp_path, f"--target={target}", *NO_PORT[target], *only, **variables) as run:
        wait_until("nodes", lambda: Ready(None) if "container" in str(fakes.left()) else run.output or "starting", 60)
        run.popen.send_signal(number)
        assert run.wait_for_end() == code, run.output

    def state():
        left = [*fakes.left(), *(tmp_path / "tmp").iterdir()]
        return str(left) if left else Ready(None)

    wait_until("nothing to be left", state, 60)
