"""How much memory is left: of the machine, and of the control groups of both versions."""

import pytest

from acceptance.processes.memory import available, no_memory
from tests.unit.problems import assert_problem

GIB = 1 << 30


@pytest.fixture
def machine(tmp_path):
    """Make a machine with so much memory, and groups with a limit each: their folders, limit, use and cache."""

    def make(free, membership="", version=2, groups=()):
        proc, top = tmp_path / "proc", tmp_path / "cgroup"
        (proc / "self").mkdir(parents=True)
        top.mkdir()
        (proc / "meminfo").write_text(f"MemTotal: 99999999 kB\nMemFree: 1 kB\nMemAvailable: {free >> 10} kB\n")
        (proc / "self" / "cgroup").write_text(membership)
        limit, taken, cache = (
            ("memory.max", "memory.current", "inactive_file")
            if version == 2
            else ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        )
        for folder, most, used, cached in groups:
            (top / folder).mkdir(parents=True, exist_ok=True)
            (top / folder / limit).write_text(f"{most}\n")
            (top / folder / taken).write_text(f"{used}\n")
            (top / folder / "memory.stat").write_text(f"anon 5\n{cache} {cached}\n")
        return {"proc": proc, "groups": top}

    return make


@pytest.mark.parametrize(("free", "enough"), [(2 * GIB, True), (2 * GIB - (1 << 20), False)])
def test_the_machine_itself(machine, free, enough):
    problem = no_memory(2 * GIB, **machine(free))
    assert_problem(problem, *([] if enough else ["this machine: 2.0 GiB of memory free", "needs 2.0 GiB"]))


@pytest.mark.parametrize(
    ("membership", "version", "folder"),
    [
        ("0::/user.slice/one.scope\n", 2, "user.slice/one.scope"),
        # a limit further up counts for all beneath it
        ("0::/user.slice/one.scope\n", 2, "user.slice"),
        ("0::/\n", 2, "."),
        ("9:cpu:/x\n4:memory:/docker/abc\n0::/\n", 1, "memory/docker/abc"),
        # a container that doesn't see its own path
        ("4:memory:/docker/abc\n", 1, "memory"),
    ],
)
def test_a_control_groups_limit_is_named_by_its_folder(machine, membership, version, folder):
    """What it holds as a cache would give way, so it counts as free."""
    given = machine(99 * GIB, membership, version, [(folder, 2 * GIB, 3 * GIB // 2, GIB // 4)])
    problem = no_memory(GIB, **given)
    assert_problem(problem, str(given["groups"] / folder), "0.8 GiB of memory free", "needs 1.0 GiB", "--memory")
    assert_problem(no_memory(GIB // 2, **given))


def test_a_group_without_a_limit_leaves_what_the_machine_has(machine):
    given = machine(GIB, "0::/a\n", 2, [("a", "max", 5 * GIB, 0)])
    assert_problem(no_memory(GIB, **given))
    assert_problem(no_memory(2 * GIB, **given), "this machine: 1.0 GiB")


def test_a_machine_without_groups_is_asked_all_the_same(machine):
    given = machine(GIB)
    (given["proc"] / "self" / "cgroup").unlink()
    assert_problem(no_memory(GIB, **given))
    assert available(given["proc"]) == GIB


def test_this_machine_has_a_byte():
    assert_problem(no_memory(1))
