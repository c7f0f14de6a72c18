"""The set-up on machines that won't do: one clear line at once that says what is missing and what would do."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.running import ROOT

UNAME = '#!/bin/sh\ncase $1 in -s) echo "{system}";; -m) echo "{machine}";; esac\n'
OLD_PYTHON = "#!/bin/sh\necho 3.9\n"
THIS_PYTHON = f'#!/bin/sh\nexec {sys.executable} "$@"\n'


@pytest.fixture
def refused(tmp_path):
    """Run the set-up in a bare copy with some programs and some Python code before it; return its one line."""
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
        answer = subprocess.run(
            [tmp_path / "tools" / "setup"], env=variables, capture_output=True, text=True, timeout=30, check=False
        )
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
