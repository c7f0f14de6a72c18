"""The set-up: one clear line on a machine that won't do, and nothing twice on one that does."""

import fcntl
import gc
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from acceptance.paths import ROOT
from acceptance.waiting import Ready, wait_until
from tests.chain.leftovers import processes_of
from tests.small_disk import small_disk

SCRIPTS = ("setup", "own_settings.sh", "interruptible.sh", "go_install", "check_machine.py", "check_setup.py")
FILES = (*(f"tools/{name}" for name in SCRIPTS), "uv.lock", "pyproject.toml", "images/trainer/collect_seldom.pth")
UNAME = '#!/bin/sh\ncase $1 in -s) echo "{system}";; -m) echo "{machine}";; esac\n'
OLD_PYTHON = "#!/bin/sh\necho 3.9\n"
THIS_PYTHON = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
# of a version that will do, on a machine that won't
UNFIT_PYTHON = """#!/bin/sh
case $* in
*print*) echo 3.11 ;;
*check_machine*) echo "setup: its shared library is missing" >&2; exit 1 ;;
esac
"""
# notes what it is asked for, and is good for all of it
MADE_UP_PYTHON = """#!/bin/sh
echo "$*" >>calls
case $* in
*print*) echo 3.11 ;;
"-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
*"uv sync"*) env >variables ;;
esac
"""
# its check of what was set up finds something missing, as long as the file `broken` is there
FORGETFUL_PYTHON = (
    MADE_UP_PYTHON
    + """case $* in *check_setup*)
    [ ! -f broken ] || { echo "setup: .venv lacks uv" >&2; exit 1; } ;;
esac
"""
)
# another version: its uv, in an environment of its own, fetches the interpreter `fetched`, or fails as it is told to
OTHER_PYTHON = """#!/bin/sh
case $* in
*print*) echo 3.13 ;;
"-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && echo "$3" >throw-away ;;
*"pip"*) {pip} ;;
"-m uv python install --no-bin 3.12") {download} ;;
"-m uv python find --managed-python --system --no-project 3.12") echo "$PWD/fetched" ;;
*) exit 1 ;;
esac
"""
NO_HOST = "echo 'error: Failed to install cpython-3.12'; printf '  cause: dns error\\n\\n' >&2; exit 2"
MADE_UP_GO = """#!/bin/sh
[ "$1" != version ] || { echo "go version go1.24 linux/amd64"; exit; }
mkdir -p "$GOBIN"
echo "$2" >"$GOBIN/vegeta"
chmod +x "$GOBIN/vegeta"
"""
# has a compiler at work, and says so
BUILDING_GO = """#!/bin/sh
[ "$1" != version ] || { echo "go version go1.24 linux/amd64"; exit; }
mkdir -p "$GOPATH/mod" && chmod a-w "$GOPATH/mod"
mktemp -d >/dev/null
sleep 300 &
touch building
wait
"""


def with_programs(folder, **scripts):
    """Put programs into a bare copy; return the environment in which they come before the machine's own."""
    for name, script in scripts.items():
        program = folder / "bin" / name.replace("_", ".")
        program.write_text(script)
        program.chmod(0o755)
    return {"PATH": f"{folder / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin"}


def bare_copy(folder):
    """Make one in a folder; return what runs its set-up, with some programs before the machine's own."""
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / "bin").mkdir()

    def run(variables=None, **scripts):
        environment = {**with_programs(folder, **scripts), **(variables or {})}
        return subprocess.run(
            [folder / "tools" / "setup"], env=environment, capture_output=True, text=True, timeout=30, check=False
        )

    return run


@pytest.fixture
def set_up(tmp_path):
    return bare_copy(tmp_path)


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


@pytest.fixture
def other_pythons(set_up, tmp_path):
    """Return Pythons of another version, under each name; `fetched` is what their uv has fetched when it could."""

    def make(fetched=MADE_UP_PYTHON, pip="exit 0", download="exit 0"):
        (tmp_path / "fetched").write_text(fetched)
        (tmp_path / "fetched").chmod(0o755)
        names = ("python", "python3", *(f"python3_{minor}" for minor in range(8, 16)))
        return dict.fromkeys(names, OTHER_PYTHON.format(pip=pip, download=download))

    return make


def test_where_only_another_python_is_there_uv_fetches_one_that_will_do(other_pythons, set_up, tmp_path):
    answer = set_up(go=MADE_UP_GO, **other_pythons())
    assert answer.returncode == 0, answer
    assert "-m venv .venv" in (tmp_path / "calls").read_text().splitlines()  # the fetched one's
    assert (tmp_path / ".venv" / "bin" / "python").read_text() == MADE_UP_PYTHON
    assert not Path((tmp_path / "throw-away").read_text().strip()).exists()


def test_a_set_up_that_was_done_with_a_fetched_python_is_done_again_with_it(other_pythons, set_up, tmp_path):
    assert set_up(go=MADE_UP_GO, **other_pythons()).returncode == 0
    (tmp_path / "throw-away").unlink()
    (tmp_path / "uv.lock").write_text("other\n")
    assert set_up().returncode == 0
    assert not (tmp_path / "throw-away").exists()


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ({"download": NO_HOST}, ["uv could not fetch one", "Failed to install cpython-3.12", "cause: dns error"]),
        ({"pip": "echo no such index; exit 1"}, ["uv", "can't be installed", "no such index"]),
    ],
)
def test_where_none_can_be_fetched_it_is_said_with_what_would_do(other_pythons, refused, tmp_path, faults, words):
    line = refused(**other_pythons(**faults))
    for fact in ("needs Python 3.11 or 3.12", "python3 is 3.13", "make setup PYTHON=", *words):
        assert fact in line
    assert not Path((tmp_path / "throw-away").read_text().strip()).exists()


def test_a_fetched_python_that_will_not_do_is_named(other_pythons, refused):
    assert refused(**other_pythons(fetched=UNFIT_PYTHON)) == "setup: its shared library is missing"


def test_a_python_that_will_not_do_is_named(refused):
    assert refused(python3_11=UNFIT_PYTHON) == "setup: its shared library is missing"


def test_a_disk_without_room_is_named(tmp_path):
    with small_disk(tmp_path / "disk", "1g") as disk:
        answer = bare_copy(disk)(python3_11=THIS_PYTHON)
    assert answer.returncode == 1
    assert f"1.0 GiB free in {disk}; the set-up needs 8 GiB" in answer.stderr


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


# --- other tools' settings


def test_the_users_settings_for_uv_pip_python_and_go_do_not_reach_the_set_up(set_up, tmp_path):
    elsewhere = {
        "UV_PROJECT_ENVIRONMENT": "/elsewhere",
        "UV_NO_DEV": "1",
        "UV_LOCKED": "1",
        "PIP_USER": "1",
        "PIP_TARGET": "/elsewhere",
        "PYTHONHOME": "/elsewhere",
        "PYTHONSAFEPATH": "1",
        "PYTHONWARNINGS": "error",
        "GOOS": "windows",
    }
    kept = {
        "UV_DEFAULT_INDEX": "https://index.example/simple",
        "UV_CACHE_DIR": "/cache",
        "PIP_INDEX_URL": "https://index.example/simple",
        "PIP_TRUSTED_HOST": "index.example",
        "GOPROXY": "https://go.example",
        "HTTPS_PROXY": "http://proxy.example:3128",
        "SSL_CERT_FILE": "/company.pem",
    }
    answer = set_up(elsewhere | kept, python3_11=MADE_UP_PYTHON, go=MADE_UP_GO)
    assert answer.returncode == 0, answer
    given = dict(line.split("=", 1) for line in (tmp_path / "variables").read_text().splitlines())
    set_anew = {"UV_PROJECT_ENVIRONMENT": str(tmp_path / ".venv"), "PIP_USER": "0", "GOOS": "linux"}
    assert {name: given.get(name) for name in elsewhere} == dict.fromkeys(elsewhere) | set_anew
    assert {name: given.get(name) for name in kept} == kept


def test_uv_trusts_the_systems_authorities_unless_it_is_told_otherwise(set_up, tmp_path):
    stores = re.findall(r"/etc/\S+\.(?:crt|pem)", (ROOT / "tools" / "own_settings.sh").read_text())
    if not any(Path(store).exists() for store in stores):
        pytest.skip("the system has no certificate store")
    for told, expected in (({}, "true"), ({"UV_SYSTEM_CERTS": "false"}, "false")):
        (tmp_path / "uv.lock").write_text(f"another, {told}\n")
        assert set_up(told, python3_11=MADE_UP_PYTHON, go=MADE_UP_GO).returncode == 0
        assert f"UV_SYSTEM_CERTS={expected}" in (tmp_path / "variables").read_text().splitlines()


# --- a set-up that did not come to its end


def test_what_was_made_is_checked_and_else_made_anew(set_up, tmp_path):
    (tmp_path / "broken").touch()
    answer = set_up(python3_11=FORGETFUL_PYTHON, go=MADE_UP_GO)
    assert (answer.returncode, answer.stderr) == (1, "setup: .venv lacks uv\n")
    assert not (tmp_path / ".venv" / ".acceptance").exists()
    (tmp_path / "broken").unlink()
    (tmp_path / "calls").unlink()
    assert set_up().returncode == 0
    assert "-m venv .venv" in (tmp_path / "calls").read_text().splitlines()


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_interrupted_set_up_ends_at_once_leaves_nothing_and_is_simply_run_again(set_up, tmp_path, sent, code):
    """While vegeta is built: its Go has left temporary files, read-only modules, and a child of its own."""
    (tmp_path / "temporary").mkdir()
    programs = with_programs(tmp_path, python3_11=MADE_UP_PYTHON, go=BUILDING_GO)
    variables = {**programs, "TMPDIR": str(tmp_path / "temporary")}
    usual = ("env", "--default-signal=HUP")  # these tests may run under nohup
    with subprocess.Popen(
        [*usual, tmp_path / "tools" / "setup"], env=variables, stderr=subprocess.PIPE, text=True
    ) as running:
        building = tmp_path / "building"
        try:
            wait_until("Go to build", lambda: Ready(None) if building.exists() else "it doesn't yet", 30)
            running.send_signal(sent)
            running.communicate(timeout=30)
        finally:
            running.kill()
    assert running.returncode == code
    assert list((tmp_path / "temporary").iterdir()) == []
    assert processes_of(tmp_path / "temporary") == {}
    answer = set_up(go=MADE_UP_GO)
    assert answer.returncode == 0, answer
    assert (tmp_path / ".venv" / "bin" / "vegeta").exists()


def test_of_two_set_ups_at_once_the_second_waits_for_the_first(set_up, tmp_path):
    programs = with_programs(tmp_path, python3_11=MADE_UP_PYTHON, go=MADE_UP_GO)
    script = tmp_path / "tools" / "setup"
    with script.open() as first, (tmp_path / "said").open("w") as said:
        fcntl.flock(first, fcntl.LOCK_EX)
        with subprocess.Popen([script], env=programs, stderr=said) as second:
            words = tmp_path / "said"
            try:
                wait_until("it to wait", lambda: Ready(None) if "another one" in words.read_text() else "not yet", 30)
                assert not (tmp_path / ".venv").exists()
                fcntl.flock(first, fcntl.LOCK_UN)
                assert second.wait(30) == 0
            finally:
                second.kill()
    assert (tmp_path / ".venv" / ".acceptance").exists()


def test_make_help_lists_every_target():
    listed = subprocess.run(
        ["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    ).stdout
    targets = re.findall(r"^([^\s.:=]+):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert "acceptance" in targets
    assert [line.split()[0] for line in listed.splitlines()] == targets


def test_variables_that_no_python_starts_with_or_that_take_the_checks_out_do_not_reach_what_make_runs():
    environment = {**os.environ, "PYTHONHOME": "/elsewhere", "PYTHONOPTIMIZE": "1"}
    command = ["make", "-s", "acceptance", "ARGS=--collect-only -q"]
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert answer.returncode == 0, answer.stderr
    assert re.search(r"\d+ tests collected", answer.stdout)


def test_the_python_that_was_set_up_looks_for_garbage_seldom():
    """Else MLflow and TensorFlow take a quarter longer to start, and every run with them."""
    line = (ROOT / "images" / "trainer" / "collect_seldom.pth").read_text()
    assert f"gc.set_threshold{gc.get_threshold()}" in line.replace("_000", "000")
