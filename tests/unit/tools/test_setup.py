"""The set-up: one clear line on a machine that won't do, and nothing twice on one that does."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.running import ROOT

UNAME = '#!/bin/sh\ncase $1 in -s) echo "{system}";; -m) echo "{machine}";; esac\n'
OLD_PYTHON = "#!/bin/sh\necho 3.9\n"
THIS_PYTHON = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
# notes what it is asked for, and is good for all of it
MADE_UP_PYTHON = """#!/bin/sh
echo "$*" >>calls
case $* in
*print*) echo 3.11 ;;
"-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
esac
"""
MADE_UP_GO = """#!/bin/sh
[ "$1" != version ] || { echo "go version go1.24 linux/amd64"; exit; }
mkdir -p "$GOBIN"
echo "$2" >"$GOBIN/vegeta"
chmod +x "$GOBIN/vegeta"
"""


@pytest.fixture
def set_up(tmp_path):
    """Run the set-up in a bare copy with some programs and some Python code before it."""
    (tmp_path / "tools").mkdir()
    for name in ("setup", "go_install"):
        shutil.copy(ROOT / "tools" / name, tmp_path / "tools")
    for name in ("uv.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    programs = tmp_path / "bin"
    programs.mkdir()

    def run(sitecustomize="", **scripts):
        for name, script in scripts.items():
            (programs / name.replace("_", ".")).write_text(script)
            (programs / name.replace("_", ".")).chmod(0o755)
        (programs / "sitecustomize.py").write_text(sitecustomize)
        variables = {"PATH": f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin", "PYTHONPATH": str(programs)}
        return subprocess.run(
            [tmp_path / "tools" / "setup"], env=variables, capture_output=True, text=True, timeout=30, check=False
        )

    return run


@pytest.fixture
def refused(set_up, tmp_path):
    """Run a set-up that gives up; return its one line."""

    def run(**before):
        answer = set_up(**before)
        assert answer.returncode == 1, answer
        assert answer.stdout == ""
        assert not (tmp_path / ".venv").exists()
        (line,) = answer.stderr.splitlines()
        return line

    return run


@pytest.mark.parametrize(
    ("system", "machine", "words"),
    [("Darwin", "arm64", "this is Darwin"), ("Linux", "aarch64", "this machine is aarch64")],
)
def test_another_system_or_processor_is_named(refused, system, machine, words):
    line = refused(uname=UNAME.format(system=system, machine=machine))
    assert words in line
    assert "x86-64" in line


def test_an_old_python_is_named_with_what_would_do(refused):
    pythons = dict.fromkeys(("python3_11", "python3_12", "python3", "python"), OLD_PYTHON)
    line = refused(**pythons)
    assert "needs Python 3.11 or 3.12" in line
    assert "python3 is 3.9" in line
    assert "make setup PYTHON=" in line


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        (
            "import platform; platform.libc_ver = lambda: ('glibc', '2.31')",
            "glibc 2.31; NVIDIA Triton needs glibc 2.35",
        ),
        ("import platform; platform.libc_ver = lambda: ('', '')", "the C library is unknown"),
        ("import shutil; shutil.disk_usage = lambda path: shutil._ntuple_diskusage(1, 1, 1 << 30)", "1.0 GiB free"),
        (
            "import os, ctypes.util; os.path.exists = lambda path: False; ctypes.util.find_library = lambda name: None",
            "needs Python's shared library",
        ),
    ],
)
def test_what_the_machine_lacks_is_named(refused, patch, words):
    assert words in refused(sitecustomize=patch, python3_11=THIS_PYTHON)


@pytest.fixture
def vegeta(set_up, tmp_path):
    """Set up with made-up programs; return the vegeta that they made, which says what it was built from."""
    answer = set_up(python3_11=MADE_UP_PYTHON, go=MADE_UP_GO)
    assert answer.returncode == 0, answer
    file = tmp_path / ".venv" / "bin" / "vegeta"
    assert file.exists()
    (tmp_path / "calls").unlink()
    return file


def test_a_second_call_sets_nothing_up_again(vegeta, set_up, tmp_path):
    assert set_up().returncode == 0
    assert (tmp_path / "calls").read_text() == "-c \n"


def test_a_vegeta_that_was_deleted_is_built_again(vegeta, set_up):
    vegeta.unlink()
    assert set_up().returncode == 0
    assert vegeta.exists()


def test_another_pinned_vegeta_takes_the_place_of_the_old_one(vegeta, set_up, tmp_path):
    script = tmp_path / "tools" / "setup"
    script.write_text(re.sub(r"^VEGETA=.*", "VEGETA=example.com/vegeta@v2", script.read_text(), flags=re.MULTILINE))
    assert set_up().returncode == 0
    assert vegeta.read_text() == "example.com/vegeta@v2\n"


def test_vegeta_is_not_built_again_for_another_lock_file(vegeta, set_up, tmp_path):
    vegeta.write_text("the one from before\n")
    (tmp_path / "uv.lock").write_text("other\n")
    assert set_up().returncode == 0
    assert "uv sync" in (tmp_path / "calls").read_text()
    assert vegeta.read_text() == "the one from before\n"


def test_make_help_lists_every_target():
    listed = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = re.findall(r"^([^\s.:=]+):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert "acceptance" in targets
    assert [line.split()[0] for line in listed.splitlines()] == targets
