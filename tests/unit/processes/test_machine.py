"""What is tried of a machine before a run: each check, where it holds and where it doesn't."""

import subprocess
import sys

import psutil
import pytest

from acceptance.processes import machine
from tests.small_disk import small_disk
from tests.unit.problems import assert_problem


def test_this_machine_will_do(tmp_path):
    assert_problem(machine.not_executable(tmp_path, "TMPDIR"))
    assert_problem(machine.not_a_place(tmp_path, "somebody makes one"))
    assert_problem(machine.no_shared_memory(1 << 20))
    assert_problem(machine.no_ports(7))
    assert_problem(machine.no_threads(10))
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_on_which_nothing_runs_is_named_with_the_option(tmp_path):
    with small_disk(tmp_path / "disk", "1m", "noexec") as disk:
        assert_problem(machine.not_executable(disk, "TMPDIR"), f"TMPDIR={disk}", "noexec", "remount,exec")
        assert_problem(machine.not_a_place(disk, "somebody makes one"))


def test_a_folder_that_cannot_be_written_is_for_its_own_check(tmp_path):
    assert_problem(machine.not_executable(tmp_path / "none", "TMPDIR"))


def test_a_folder_in_which_none_can_be_made_is_named_with_who_makes_one(tmp_path):
    with small_disk(tmp_path / "disk", "1m", "ro") as disk:
        problem = machine.not_a_place(disk, "somebody makes one")
        assert_problem(problem, f"{disk}: no folder", "Read-only file system", "somebody makes one")


@pytest.mark.parametrize(("needed", "enough"), [(1 << 20, True), (3 << 20, False)])
def test_shared_memory_that_is_too_small_is_named_with_what_is_needed(tmp_path, needed, enough):
    with small_disk(tmp_path / "shm", "2m") as disk:
        problem = machine.no_shared_memory(needed, disk)
        assert_problem(problem, *([] if enough else [str(disk), "3 MiB", "No space left", "--shm-size"]))
        assert list(disk.iterdir()) == []


def test_no_shared_memory_at_all_is_named(tmp_path):
    assert_problem(machine.no_shared_memory(1, tmp_path / "none"), str(tmp_path / "none"), "No such file")


def in_no_network(script):
    """Run Python where not even the loopback device is up; skips where nobody may."""
    answer = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    if answer.returncode:
        pytest.skip(answer.stderr.strip())
    return answer.stdout


def test_a_loopback_device_that_is_down_is_named():
    said = in_no_network("from acceptance.processes.machine import no_ports; print(no_ports(2))")
    assert "127.0.0.1: 2 free ports" in said
    assert "ip link set lo up" in said


def test_too_few_ports_are_named():
    script = (
        "import pathlib, subprocess; from acceptance.processes.machine import no_ports;"
        "subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True);"
        "pathlib.Path('/proc/sys/net/ipv4/ip_local_port_range').write_text('40000 40003');"
        "print(no_ports(3), '|', no_ports(5))"
    )
    few, many = in_no_network(script).split("|")
    assert few.strip() == "None"
    assert "5 free ports" in many
    assert "ip_local_port_range" in many


def test_listening_leaves_nothing_open():
    before = psutil.Process().net_connections()
    assert_problem(machine.no_ports(3))
    assert psutil.Process().net_connections() == before


def test_threads_that_cannot_be_started_are_counted():
    script = "from acceptance.processes.machine import no_threads; print(no_threads(5000))"
    answer = subprocess.run(
        ["prlimit", "--as=400000000", sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "of the 5000 threads" in answer.stdout
    assert "ulimit -u" in answer.stdout
