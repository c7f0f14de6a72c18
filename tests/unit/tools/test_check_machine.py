"""What a machine lacks that NVIDIA Triton's wheel, or the set-up itself, needs: each in one line."""

import subprocess
import sys
from pathlib import Path

import pytest

from acceptance.paths import ROOT
from tools.check_machine import missing_modules, no_room, no_shared_library, wrong_libc


@pytest.mark.parametrize(
    ("name", "version", "words"),
    [
        ("glibc", "2.35", ""),
        ("glibc", "2.41", ""),
        ("glibc", "3.0", ""),
        ("glibc", "2.31", "glibc 2.31; NVIDIA Triton needs glibc 2.35"),
        ("glibc", "2.9", "glibc 2.9"),  # as numbers, not as text
        ("", "", "the C library is unknown"),
    ],
)
def test_the_c_library(name, version, words):
    found = wrong_libc(name, version)
    assert bool(found) == bool(words)
    assert words in found


def test_pythons_shared_library(tmp_path):
    there, missing = tmp_path / "libpython3.11.so.1.0", tmp_path / "lib" / "libpython3.11.so.1.0"
    there.touch()
    assert no_shared_library([missing, there], None) == ""
    assert no_shared_library([missing], "libpython3.11.so.1.0") == ""
    found = no_shared_library([missing], None)
    assert str(missing) in found
    assert "--enable-shared" in found


def test_the_room_on_the_disk():
    assert no_room(Path("/here"), 8 << 20, 8 << 20) == ""
    found = no_room(Path("/here"), 1 << 20, 8 << 20)
    assert "1.0 GiB free in /here" in found
    assert "8 GiB" in found


def test_the_modules_of_a_bare_python():
    assert missing_modules(("venv", "json")) == ""
    assert "lacks no_such_module; install it" in missing_modules(("venv", "no_such_module", "nor_this_one"))


@pytest.mark.parametrize(("needed", "code"), [("1", 0), (str(1 << 60), 1)])
def test_it_says_one_line_of_this_machine_or_nothing(needed, code):
    command = [sys.executable, "-IS", ROOT / "tools" / "check_machine.py", needed]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == code, answer.stderr
    lines = answer.stderr.splitlines()
    assert ["GiB free in" in line and line.startswith("setup: ") for line in lines] == [True] * code
