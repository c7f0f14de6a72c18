"""What the suite writes of processes, pods and containers has no secret in it; the secrets are put together here."""

import contextlib
import datetime
import os
import signal
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from kubernetes import client

from acceptance.docker.container import Container
from acceptance.errors import ProcessDied
from acceptance.images import read_images
from acceptance.kubernetes.client import Cluster
from acceptance.kubernetes.logs import Logs
from acceptance.kubernetes.namespace import Namespace
from acceptance.processes.local import Processes, last_lines
from acceptance.redaction.patterns import MARK
from acceptance.redaction.redactor import Redactor
from acceptance.waiting import Ready, wait_until

OPAQUE = "Zx9" + "qLm4" * 9
KNOWN = "plain" + "words" * 3
SAYS = f"up\nusing {KNOWN}\ntoken={OPAQUE}\n"
CLEAN = f"up\nusing {MARK}\ntoken={MARK}\n"


@pytest.fixture
def redactor():
    return Redactor([KNOWN])


@pytest.fixture
def logs(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs"


@pytest.fixture
def processes(logs, redactor):
    group = Processes(logs.with_name("run"), logs, redactor)
    yield group
    group.close()


def saying(text: str, then: str = "exec sleep 600") -> list[str]:
    return ["sh", "-c", f"printf '%s' '{text}'; {then}"]


def wait_for(log, text):
    wait_until("the words", lambda: Ready(None) if log.exists() and text in log.read_text() else "not yet", 15)


# --- processes


def test_a_processs_log_is_clean_once_it_was_stopped(processes):
    with processes.running("talker", saying(SAYS)) as process:
        wait_for(process.log, OPAQUE)
        assert OPAQUE not in last_lines(process.log, redactor=processes.redactor)
    assert process.log.read_text() == CLEAN
    process.stop()
    assert process.log.read_text() == CLEAN


def test_the_words_of_one_that_died_have_no_secret(processes):
    with processes.running("talker", saying(SAYS, "exit 3")) as process:
        process.popen.wait()
        with pytest.raises(ProcessDied) as died:
            process.check_alive()
    assert KNOWN not in str(died.value)
    assert OPAQUE not in str(died.value)
    assert f"token={MARK}" in str(died.value)


def test_a_full_disk_does_not_keep_processes_alive(processes, monkeypatch):
    def full(*arguments, **options):
        raise OSError("No space left on device")

    with processes.running("talker", saying(SAYS)) as process:
        wait_for(process.log, OPAQUE)
        monkeypatch.setattr("acceptance.redaction.redactor.tempfile.mkstemp", full)
    assert process.popen.returncode == -signal.SIGTERM
    assert processes.started == []


def test_a_process_inherits_proxies_and_no_secrets(processes, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", KNOWN)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", OPAQUE)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("PIP_INDEX_URL", "https://pypi.example.com/simple")
    with processes.running("env", ["env"], {"GIVEN_TOKEN": "needed"}) as process:
        process.popen.wait()
        inherited = process.log.read_text()
    assert "HF_TOKEN" not in inherited
    assert "AWS_SECRET_ACCESS_KEY" not in inherited
    assert "HTTPS_PROXY=http://proxy:3128\n" in inherited
    assert "PIP_INDEX_URL=https://pypi.example.com/simple\n" in inherited
    assert "GIVEN_TOKEN=needed\n" in inherited


def test_the_guardian_redacts_the_logs_of_a_pytest_that_was_killed(logs):
    owner = (
        "import sys, time; from pathlib import Path; from acceptance.processes.local import Processes\n"
        "run = Path(sys.argv[1])\n"
        "group = Processes(run / 'run', run / 'logs')\n"
        "group.start('talker', sys.argv[2:])\n"
        "time.sleep(600)"
    )
    command = [sys.executable, "-c", owner, logs.parent, *saying(SAYS)]
    popen = subprocess.Popen(command, env={**os.environ, "MY_SECRET": KNOWN})
    wait_for(logs / "talker.log", OPAQUE)
    os.kill(popen.pid, signal.SIGKILL)
    popen.wait()
    wait_until("the guardian", lambda: "not yet" if (logs.parent / "run").exists() else Ready(None), 15)
    assert (logs / "talker.log").read_text() == CLEAN


# --- pods


def test_a_pods_log_is_clean_wherever_its_stream_is_cut(logs, redactor, monkeypatch):
    pieces = [SAYS.encode()[place : place + 5] for place in range(0, len(SAYS), 5)]
    answer: Any = SimpleNamespace(stream=lambda size: iter(pieces))
    core = SimpleNamespace(read_namespaced_pod_log=lambda *names, **options: answer)
    monkeypatch.setattr(client, "CoreV1Api", lambda api: core)
    cluster: Any = SimpleNamespace(api=contextlib.nullcontext, redactor=redactor)
    Logs(cluster, logs).follow(SimpleNamespace(name="pod", namespace="default"), "main")
    assert (logs / "pod-main.log").read_text() == CLEAN


def test_a_stream_that_breaks_leaves_what_it_said_and_is_begun_again(logs, redactor, monkeypatch):
    def broken(size):
        yield f"up\nusing {KNOWN}".encode()
        assert (logs / "pod-main.log").read_text() == "up\n"
        raise OSError

    streams = iter([broken, lambda size: iter([SAYS.encode()])])
    core = SimpleNamespace(read_namespaced_pod_log=lambda *names, **options: SimpleNamespace(stream=next(streams)))
    monkeypatch.setattr(client, "CoreV1Api", lambda api: core)
    cluster: Any = SimpleNamespace(api=contextlib.nullcontext, redactor=redactor)
    Logs(cluster, logs).follow(SimpleNamespace(name="pod", namespace="default"), "main")
    assert (logs / "pod-main.log").read_text() == CLEAN


def test_events_and_pods_are_written_without_secrets(logs, redactor, monkeypatch):
    namespace = Namespace.__new__(Namespace)
    variables = [client.V1EnvVar(name="DB_PASSWORD", value="two\nlines"), client.V1EnvVar(name="LEVEL", value=KNOWN)]
    container = client.V1Container(name="main", image="x", env=variables, args=[f"--token={OPAQUE}"])
    pod = client.V1Pod(spec=client.V1PodSpec(containers=[container], automount_service_account_token=False))
    event = client.CoreV1Event(
        metadata=client.V1ObjectMeta(creation_timestamp=datetime.datetime.now(datetime.UTC)),
        involved_object=client.V1ObjectReference(kind="Pod", name="main"),
        message=f"pulling with https://me:{OPAQUE}@registry.example.com",
    )
    cluster: Any = SimpleNamespace(redactor=redactor)
    holds = lambda items: SimpleNamespace(items=lambda: items, deleted=lambda: [])  # noqa: E731
    vars(namespace).update(cluster=cluster, folder=logs, pods=holds([pod]), events=holds([event]))
    namespace.evidence()
    (written,) = yaml.safe_load_all((logs / "pods.log").read_text())
    (main,) = written["spec"]["containers"]
    assert main["args"] == [f"--token={MARK}"]
    assert main["env"] == [{"name": "DB_PASSWORD", "value": MARK}, {"name": "LEVEL", "value": MARK}]
    assert written["spec"]["automountServiceAccountToken"] is False
    assert f"https://{MARK}@registry.example.com" in (logs / "events.log").read_text()


def test_the_kubeconfigs_token_is_known_once_it_was_used(tmp_path, monkeypatch):
    content = {
        "clusters": [{"name": "lab", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "me", "user": {"token": KNOWN}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "me"}}],
        "current-context": "lab",
    }
    (tmp_path / "config").write_text(yaml.safe_dump(content))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "config"))
    cluster = Cluster("lab", "http://127.0.0.1:1", "me")
    with cluster.api():
        assert cluster.redactor.text(f"said {KNOWN}") == f"said {MARK}"


# --- containers


def test_a_containers_log_is_clean_while_it_runs(logs, redactor):
    docker = SimpleNamespace(logs=lambda: SAYS.encode() + b"\xff")
    container = Container("talker", docker, "127.0.0.1", logs / "talker.log", redactor)
    assert container.last_line("token") == f"token={MARK}"
    assert container.log.read_bytes() == CLEAN.encode() + b"\xff"


def test_the_images_file_of_this_suite_has_nothing_to_hide(redactor):
    assert redactor.text(str(read_images(None))) == str(read_images(None))
