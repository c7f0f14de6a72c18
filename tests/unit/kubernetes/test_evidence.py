"""What is written of pods and containers has no secret in it; the secrets are put together here."""

import datetime

import pytest
import yaml
from kubernetes import client

from acceptance.kubernetes.evidence import save_evidence
from acceptance.kubernetes.logs import Logs
from acceptance.redaction.patterns import MARK
from acceptance.redaction.redactor import Redactor
from tests.unit.kubernetes.api_server import CutOff, cluster_of

OPAQUE = "Zx9" + "qLm4" * 9
KNOWN = "plain" + "words" * 3
SAYS = f"up\nusing {KNOWN}\ntoken={OPAQUE}\n"
CLEAN = f"up\nusing {MARK}\ntoken={MARK}\n"
LOG = "/api/v1/namespaces/default/pods/pod/log"
POD = client.V1ObjectMeta(name="pod", namespace="default")


@pytest.fixture
def redactor():
    return Redactor([KNOWN])


def test_a_pods_log_is_clean_wherever_its_stream_is_cut(tmp_path, api_server, redactor):
    api_server.answers[LOG] = (200, [SAYS.encode()[place : place + 5] for place in range(0, len(SAYS), 5)])
    Logs(cluster_of(tmp_path, api_server.address, redactor), tmp_path).follow(POD, "main")
    assert (tmp_path / "pod-main.log").read_text() == CLEAN


def test_a_stream_that_breaks_is_begun_again_and_so_is_its_part_of_the_file(tmp_path, api_server, redactor):
    answers = iter([(200, CutOff(f"up\nusing {KNOWN}".encode())), (200, [SAYS.encode()])])
    api_server.answers[LOG] = lambda: next(answers)
    Logs(cluster_of(tmp_path, api_server.address, redactor), tmp_path).follow(POD, "main")
    assert (tmp_path / "pod-main.log").read_text() == CLEAN
    assert api_server.asked == [LOG, LOG]


def test_a_stream_that_ends_in_a_secret_leaves_none_of_it(tmp_path, api_server, redactor):
    api_server.answers[LOG] = (200, [f"up\nusing {KNOWN}".encode()])
    Logs(cluster_of(tmp_path, api_server.address, redactor), tmp_path).follow(POD, "main")
    assert (tmp_path / "pod-main.log").read_text() == f"up\nusing {MARK}"


def test_a_stream_that_is_refused_for_a_moment_is_begun_again(tmp_path, api_server, redactor):
    answers = iter([(503, {"message": "etcd has a new leader"}), (200, [SAYS.encode()])])
    api_server.answers[LOG] = lambda: next(answers)
    Logs(cluster_of(tmp_path, api_server.address, redactor), tmp_path).follow(POD, "main")
    assert (tmp_path / "pod-main.log").read_text() == CLEAN
    assert api_server.asked == [LOG, LOG]


def test_events_and_pods_are_written_without_secrets(tmp_path, redactor):
    variables = [client.V1EnvVar(name="DB_PASSWORD", value="two\nlines"), client.V1EnvVar(name="LEVEL", value=KNOWN)]
    container = client.V1Container(name="main", image="x", env=variables, args=[f"--token={OPAQUE}"])
    pod = client.V1Pod(spec=client.V1PodSpec(containers=[container], automount_service_account_token=False))
    event = client.CoreV1Event(
        metadata=client.V1ObjectMeta(creation_timestamp=datetime.datetime.now(datetime.UTC)),
        involved_object=client.V1ObjectReference(kind="Pod", name="main"),
        message=f"pulling with https://me:{OPAQUE}@registry.example.com",
    )
    save_evidence(tmp_path, [pod], [event], redactor)
    (written,) = yaml.safe_load_all((tmp_path / "pods.log").read_text())
    (main,) = written["spec"]["containers"]
    assert main["args"] == [f"--token={MARK}"]
    assert main["env"] == [{"name": "DB_PASSWORD", "value": MARK}, {"name": "LEVEL", "value": MARK}]
    assert written["spec"]["automountServiceAccountToken"] is False
    assert f"https://{MARK}@registry.example.com" in (tmp_path / "events.log").read_text()
