"""What each kind of child gets of the user's environment, what it doesn't, and what the documents say of it."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from acceptance import environment
from acceptance.commands import run_command
from acceptance.data.batches import Split
from acceptance.data.dataset import Dataset
from acceptance.environment import Kind, around_loopback, environment_of, is_loopback
from acceptance.errors import ProcessDied
from acceptance.kubernetes.client import Cluster
from acceptance.load.result import LoadPlan
from acceptance.options import read_settings
from acceptance.paths import ROOT
from acceptance.processes.local import Processes
from acceptance.stacks.embedded import EmbeddedStack
from acceptance.stacks.workspace import Workspace
from acceptance.training.recipes import Recipe
from acceptance.training.tracking import TrainingRun
from acceptance.waiting import Ready, wait_until
from tests.unit.kubernetes.api_server import write_kubeconfig

SECRET = "plain" + "words" * 3
# of each, what broke a run or would change what it measures
UNWANTED = {
    "KERAS_BACKEND": "jax",
    "KERAS_HOME": "/somewhere/.keras",
    "XDG_CACHE_HOME": "/somewhere/.cache",
    "PYTHONSAFEPATH": "1",
    "PYTHONWARNINGS": "error",
    "PYTHONIOENCODING": "ascii",
    "PYTHONPATH": "/somewhere",
    "PYTHONUSERBASE": "/somewhere",
    "PIP_INDEX_URL": "https://pypi.example.com/simple",
    "UVICORN_SSL_KEYFILE": "/somewhere/key",
    "UVICORN_SSL_CERTFILE": "/somewhere/certificate",
    "GUNICORN_CMD_ARGS": "--bind 0.0.0.0:80",
    "MLFLOW_ARTIFACTS_DESTINATION": "s3://bucket",
    "MPLCONFIGDIR": "/somewhere",
    "LANG": "de_DE.ISO-8859-1",
    "LC_CTYPE": "C",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "NVIDIA_API_KEY": SECRET,
    "KUBECONFIG": "/somewhere/config",
    "DOCKER_HOST": "ssh://somewhere",
}
KEPT = {
    "TF_NUM_INTRAOP_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_use_xnnpack=false",
    "CUDA_CACHE_PATH": "/somewhere/cuda",
    "NVIDIA_TF32_OVERRIDE": "0",
    "OMP_NUM_THREADS": "1",
    "HTTPS_PROXY": "http://proxy:3128",
    "grpc_proxy": "http://proxy:3129",
    "SSL_CERT_FILE": "/somewhere/ca.pem",
    "REQUESTS_CA_BUNDLE": "/somewhere/ca.pem",
    "NO_COLOR": "1",
}
USERS = {
    "HOME": "/somewhere",
    "KUBECONFIG": "/somewhere/config",
    "DOCKER_HOST": "ssh://somewhere",
    "DOCKER_CONFIG": "/somewhere/docker",
    "SSH_AUTH_SOCK": "/somewhere/agent",
    "LC_ALL": "C.UTF-8",
    "XDG_RUNTIME_DIR": "/somewhere/user",
    "KIND_EXPERIMENTAL_PROVIDER": "docker",
    "AWS_PROFILE": "prod",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AZURE_CONFIG_DIR": "/somewhere/azure",
    "GOOGLE_APPLICATION_CREDENTIALS": "/somewhere/key.json",
    "CLOUDSDK_CONFIG": "/somewhere/gcloud",
    "HTTPS_PROXY": "http://proxy:3128",
    "SSL_CERT_FILE": "/somewhere/ca.pem",
}
RECIPE = Recipe("cpu", "quick", 2)
DATASET = Dataset(Path("/somewhere"), True, Split(np.zeros((0, 32, 32, 3), np.uint8), np.zeros(0, np.int64)), "")
LISTS = ("EVERYWHERE", "NETWORK", "COMPUTING", "ACCOUNT", "CLUSTERS", "CLOUDS")


class Tracked(TrainingRun):
    """A run whose model needs no download."""

    def download_model(self, name, directory):
        directory.mkdir()
        (directory / "model.onnx").touch()
        return directory


class Starting:
    """An embedded stack that starts each of its children as a program that fails, and notes its environment."""

    def __init__(self, folder: Path) -> None:
        seen: dict[str, dict[str, str]] = {}
        started: dict[str, Any] = {}
        self.seen, self.started = seen, started

        class NotedPopen(subprocess.Popen):
            def __init__(self, command, **options):
                seen["child"] = options["env"]
                started.update(command=command, folder=options["cwd"])
                super().__init__(["false"], **options)

        for name in ("run", "logs"):
            (folder / name).mkdir()
        self.run_directory = folder / "run"
        workspace = Workspace(self.run_directory, folder / "logs")
        self.stack = EmbeddedStack(read_settings({}, ["embedded"], {}), workspace, lambda text: None)
        self.stack.processes = Processes(self.run_directory, folder / "logs", popen=NotedPopen)

    def mlflow(self) -> None:
        self.stack.start_mlflow()

    def trainer(self) -> None:
        self.stack.tracking_uri = "http://127.0.0.1:1"
        with pytest.raises(ProcessDied):
            self.stack.train(RECIPE, DATASET)

    def triton(self) -> None:
        self.stack.start_predictor("triton-cpu-1", Tracked("", "0", "a run", "FINISHED", RECIPE, {}, {}), "cpu")

    def vegeta(self) -> None:
        with pytest.raises(ProcessDied):
            self.stack.attack_url("vegeta", "http://127.0.0.1:1", LoadPlan(600, 10, b""))

    def guardian(self) -> None:
        file = Path(f"/proc/{self.stack.processes.guardian.pid}/environ")  # empty until the program has begun
        read = wait_until("its environment", lambda: Ready(found) if (found := file.read_text()) else "none yet", 15)
        self.seen["child"] = dict(line.split("=", 1) for line in read.split("\0") if line)


@pytest.fixture
def starting(tmp_path, monkeypatch):
    """The stack of a user whose environment has it all."""
    for name, value in {**UNWANTED, **KEPT}.items():
        monkeypatch.setenv(name, value)
    made = Starting(tmp_path)
    yield made
    made.stack.processes.close()


@pytest.mark.parametrize("child", ["mlflow", "trainer", "triton", "vegeta", "guardian"])
def test_a_child_of_the_runs_own_gets_what_is_listed_and_a_home_of_the_runs_own(starting, child):
    getattr(starting, child)()
    seen = starting.seen["child"]
    assert {name: seen.get(name) for name in KEPT} == KEPT
    assert {name for name, value in UNWANTED.items() if seen.get(name) == value} == set()
    assert SECRET not in str(seen)
    for name in ("HOME", "KERAS_HOME", "TMPDIR"):
        assert Path(seen[name]).is_relative_to(starting.run_directory)
    assert Path(seen["HOME"]).is_dir()
    assert seen["LC_ALL"].endswith("UTF-8")
    assert seen["USER"] == seen["LOGNAME"] != ""


def test_triton_is_told_no_path_of_the_run_for_its_folder_may_have_any_name(starting):
    """Its Python backend hangs where a path has a quote in it."""
    starting.triton()
    options = dict(word.split("=", 1) for word in starting.started["command"][1:] if "=" in word)
    for option in ("--model-repository", "--backend-directory"):
        assert not Path(options[option]).is_absolute()
        assert (starting.started["folder"] / options[option]).is_dir()
    assert str(starting.run_directory) not in " ".join(starting.started["command"])


@pytest.mark.parametrize("given", [{}, {"PATH": ""}])
def test_the_trainers_python_and_the_systems_programs_are_found_without_a_path_of_the_users(tmp_path, given):
    found = environment_of(Kind.OWN, tmp_path, given)["PATH"].split(os.pathsep)
    assert found[0] == str(Path(sys.executable).parent)
    assert {"/usr/bin", "/bin"} <= set(found)
    assert "" not in found  # it would be the working directory


def test_the_users_own_programs_keep_their_home_their_daemon_and_their_cloud(monkeypatch):
    for name, value in {**UNWANTED, **USERS}.items():
        monkeypatch.setenv(name, value)
    lines = set(run_command(["env"], 30).output.splitlines())
    assert {f"{name}={value}" for name, value in USERS.items()} <= lines
    assert {f"PATH={os.environ['PATH']}", "LANG=de_DE.ISO-8859-1"} <= lines
    assert not [line for line in lines if line.startswith(("PYTHON", "UVICORN_", "KERAS_", "MLFLOW_"))]


def test_a_program_of_the_users_that_the_run_starts_has_the_users_home_and_the_runs_place_for_files(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", "/somewhere")
    starting = Starting(tmp_path)
    with starting.stack.processes.running("kind-create", ["kind"], {"KIND_GIVEN": "1"}, Kind.USERS):
        seen = starting.seen["child"]
    starting.stack.processes.close()
    assert (seen["HOME"], seen["KIND_GIVEN"]) == ("/somewhere", "1")
    assert Path(seen["TMPDIR"]).is_relative_to(tmp_path)


def test_an_exec_plugin_of_a_kubeconfig_has_all_that_the_user_has(tmp_path, monkeypatch):
    for name, value in {**USERS, "MY_LOGIN": SECRET}.items():
        monkeypatch.setenv(name, value)
    answer = '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "x"}}'
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "sh",
        "args": ["-c", f"env > {tmp_path}/seen; echo '{answer}'"],
        "interactiveMode": "Never",
    }
    config = yaml.safe_load(write_kubeconfig(tmp_path / "config", "lab").read_text())
    config["users"][0]["user"] = {"exec": plugin}
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    with Cluster("lab", "", "", kubeconfig=tmp_path / "config").api():
        seen = (tmp_path / "seen").read_text().splitlines()
    assert {f"{name}={value}" for name, value in {**USERS, "MY_LOGIN": SECRET}.items()} <= set(seen)


# --- this process


def test_a_warning_of_a_library_is_no_error_of_a_run(tmp_path):
    program = (
        "import warnings; from acceptance.own_environment import prepare_environment; prepare_environment(); "
        "warnings.warn('old', DeprecationWarning); print('went on')"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.stdout == "went on\n", answer.stderr


# --- proxies


@pytest.mark.parametrize(
    ("given", "names", "kept"),
    [
        ({}, ("no_proxy", "NO_PROXY", "no_grpc_proxy"), []),
        ({"no_proxy": "a.example, b.example"}, ("no_proxy", "NO_PROXY", "no_grpc_proxy"), ["a.example", "b.example"]),
        # whoever reads the other spelling first must not lose it
        ({"NO_PROXY": "a.example"}, ("no_proxy", "NO_PROXY", "no_grpc_proxy"), ["a.example"]),
        ({"no_grpc_proxy": "g.example", "no_proxy": "a.example"}, ("no_grpc_proxy",), ["g.example"]),
    ],
)
def test_this_machine_is_behind_no_proxy_and_the_users_exceptions_stay(given, names, kept):
    found = around_loopback(given)
    for name in names:
        assert found[name].split(",") == [*kept, "127.0.0.1", "localhost", "::1"]
    assert around_loopback(found) == found


@pytest.mark.parametrize("address", ["127.0.0.1:8001", "localhost:8001", "[::1]:8001"])
def test_this_machines_own_addresses_are_known(address):
    assert is_loopback(address)
    assert not is_loopback("192.0.2.1:8001")


# --- an account that nobody has entered


def test_an_account_without_an_entry_and_without_a_home_has_a_name_and_a_home_for_its_children(tmp_path):
    program = (
        "from pathlib import Path; from acceptance.environment import Kind, environment_of; "
        "from acceptance.own_environment import prepare_environment; "
        "from acceptance.processes.owner import owner; prepare_environment(); "
        f"found = environment_of(Kind.OWN, Path({str(tmp_path)!r})); "
        "print(found['USER'], found['HOME'], Path.home(), owner().split('@')[0])"
    )
    answer = subprocess.run(
        # the kernel gives a process in a user namespace of its own the id that nobody has
        ["unshare", "--user", "--map-user=4242", sys.executable, "-c", program],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "unshare" in answer.stderr:
        pytest.skip(f"no user namespace here: {answer.stderr.strip()}")
    assert answer.stdout.split() == ["uid-4242", str(tmp_path / "home"), str(tmp_path), "uid-4242"], answer.stderr


# --- the documents


def test_the_documents_list_is_the_codes():
    text = (ROOT / "docs" / "environment.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^\| \*\*(\w+)\*\* \|([^|]*)\|", text, re.MULTILINE))
    listed = {name.upper(): re.findall(r"`([^`]+)`", names) for name, names in sections.items()}
    assert listed == {name: list(dict.fromkeys(getattr(environment, name))) for name in LISTS}
    assert {*Kind.OWN.value, *Kind.USERS.value} == {one for names in listed.values() for one in names}
