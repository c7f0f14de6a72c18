"""What the embedded target needs of this machine is gathered into one list."""

import os

import pytest

from acceptance.options import read_settings
from acceptance.processes.rlimits import too_low
from acceptance.stacks import embedded_needs
from acceptance.stacks.embedded import EmbeddedStack
from tests.small_disk import small_disk


def problems(folder, **given):
    return [str(one) for one in embedded_needs.problems(read_settings(given, ["embedded"], {}), folder)]


def test_this_machine_has_it(tmp_path):
    assert problems(tmp_path) == []
    assert [too_low(limit) for limit in embedded_needs.LIMITS] == [None] * len(embedded_needs.LIMITS)


@pytest.fixture
def no_libraries(monkeypatch, tmp_path):
    """A machine whose ldd misses every library."""
    (tmp_path / "ldd").write_text('#!/bin/sh\necho "	libnone.so.1 => not found"\n')
    (tmp_path / "ldd").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")


def test_a_library_and_a_folder_that_runs_nothing_are_named_together(no_libraries, tmp_path):
    with small_disk(tmp_path / "disk", "1m", "noexec") as disk:
        library, folder = problems(disk)
    assert "libnone.so.1" in library
    assert f"TMPDIR={disk}" in folder


def test_the_target_looks_at_the_folder_that_its_own_will_be_in(monkeypatch, tmp_path):
    with small_disk(tmp_path / "disk", "1m", "noexec") as disk:
        monkeypatch.setenv("TMPDIR", str(disk))
        (problem,) = EmbeddedStack.problems(read_settings({}, ["embedded"], {}))
    assert f"TMPDIR={disk}" in problem.what


def test_the_stand_in_needs_less_memory_than_cifar10():
    assert embedded_needs.STAND_IN_BYTES < embedded_needs.CIFAR10_BYTES
