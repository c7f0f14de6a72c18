"""Exec plugins of a kubeconfig: what they give, what they say when they fail, and the limit of one that hangs."""

import json
import stat
import time

import pytest
from kubernetes.config.exec_provider import ExecProvider
from kubernetes.config.kube_config import ConfigNode

from acceptance.errors import BadSetting
from acceptance.kubernetes.client import connect
from acceptance.kubernetes.login import LoginFailed, Plugin
from acceptance.kubernetes.watches import Watched
from acceptance.redaction.patterns import MARK
from acceptance.waiting import Ready, wait_until
from tests.unit.kubernetes.api_server import cluster_of, write_kubeconfig

VERSION = "client.authentication.k8s.io/v1"
TOKEN = "plain" + "words" * 3
WITH_TOKEN = {"token": TOKEN}
LATE = 3


def credential(version=VERSION, **status):
    """Return what a plugin says."""
    return json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status})


@pytest.fixture
def plugin(tmp_path):
    """Write a plugin; return what a kubeconfig's user has of it."""

    def write(script, **more):
        program = tmp_path / "plugin"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return {"exec": {"apiVersion": VERSION, "command": str(program), **more}}

    return write


def says(text):
    return f"cat <<'END'\n{text}\nEND"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'error: your login has expired' >&2; exit 3", ["ended with 3", "your login has expired"]),
        ("echo 'no such profile'; exit 1", ["ended with 1", "no such profile"]),
        ("exit 1", ["ended with 1", "it said nothing"]),
        ("", ["no ExecCredential", "it said nothing"]),
        (says("<html> please log in"), ["no ExecCredential", "<html> please log in"]),
        (says("null"), ["no ExecCredential"]),
        (says(credential("client.authentication.k8s.io/v1alpha1", **WITH_TOKEN)), ["v1alpha1", VERSION]),
        (says(credential()), ["neither a token nor a certificate"]),
        (says(credential(clientCertificateData="x")), ["neither a token", "only clientCertificateData"]),
    ],
)
def test_a_plugin_that_gives_no_credential_is_named_with_its_own_words(tmp_path, api_server, plugin, script, words):
    user = plugin(script)
    kubeconfig = write_kubeconfig(tmp_path / "config", "lab", server=api_server.address, **user)
    with pytest.raises(BadSetting) as raised:
        connect("lab", kubeconfig=kubeconfig)
    for word in [str(tmp_path / "plugin"), "--context lab version`", *words]:
        assert word in str(raised.value)
    assert api_server.asked == []


def test_a_plugin_that_is_not_there_is_named(tmp_path, plugin):
    user = plugin("")
    user["exec"]["command"] = "no-such-plugin"
    with pytest.raises(BadSetting, match=r"no-such-plugin.*is not on the PATH"):
        connect("lab", kubeconfig=write_kubeconfig(tmp_path / "config", "lab", **user))


def test_a_plugin_that_hangs_is_named_with_what_it_waits_for(plugin):
    user = plugin("echo 'open https://login.invalid in a browser' >&2; sleep 60")
    began = time.monotonic()
    with pytest.raises(LoginFailed, match=r"plugin gave no answer in 3 s.*https://login.invalid"):
        Plugin(ConfigNode("exec", user["exec"]), None).ask(LATE)
    assert time.monotonic() - began < 10


def test_what_may_be_a_credential_is_not_shown(tmp_path, plugin):
    kubeconfig = write_kubeconfig(tmp_path / "config", "lab", **plugin(says(TOKEN)))
    with pytest.raises(BadSetting, match="no ExecCredential") as raised:
        connect("lab", kubeconfig=kubeconfig)
    assert TOKEN not in str(raised.value)


def test_a_plugins_token_is_sent_and_is_a_secret(tmp_path, api_server, plugin):
    user = plugin(says(credential(token=TOKEN, expirationTimestamp="2999-01-01T00:00:00Z")))
    cluster = cluster_of(tmp_path, api_server.address, **user)
    with cluster.api() as api:
        assert api.configuration.get_api_key_with_prefix("BearerToken") == f"Bearer {TOKEN}"
    assert cluster.redactor.text(f"said {TOKEN}") == f"said {MARK}"


def test_a_plugins_certificate_becomes_files_of_this_user_alone(tmp_path, plugin):
    both = {"clientCertificateData": "the certificate", "clientKeyData": "the key"}
    cluster = cluster_of(tmp_path, "http://127.0.0.1:1", **plugin(says(credential(**both))))
    with cluster.api() as api:
        key = tmp_path / api.configuration.key_file
        assert key.read_text() == "the key"
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert (tmp_path / api.configuration.cert_file).read_text() == "the certificate"


def test_a_plugin_is_told_what_the_library_tells_it(plugin, tmp_path):
    """All but that somebody is there to be asked."""
    told = tmp_path / "told"
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "ours"}}
    cluster = ConfigNode("cluster", {"server": "https://192.0.2.1", "extensions": [extension]})
    user = plugin(
        f'echo "$KUBERNETES_EXEC_INFO" > {told}; echo "$1 $MODE" >> {told}\n{says(credential(token=TOKEN))}',
        provideClusterInfo=True,
        args=["get-token"],
        env=[{"name": "MODE", "value": "quiet"}],
    )
    for ask in (
        lambda: ExecProvider(ConfigNode("exec", user["exec"]), None, cluster).run(),
        lambda: Plugin(ConfigNode("exec", user["exec"]), None, cluster).ask(10),
    ):
        ask()
        info, arguments = told.read_text().splitlines()
        spec = json.loads(info)["spec"]
        assert spec["cluster"]["server"] == "https://192.0.2.1"
        assert spec["cluster"]["config"] == {"audience": "ours"}
        assert spec["interactive"] is False
        assert arguments == "get-token quiet"


def counting(tmp_path, **status):
    """Return a plugin's script that notes each time it is asked, and the note."""
    note = tmp_path / "asked"
    return f"echo . >> {note}\n{says(credential(token=TOKEN, **status))}", note


@pytest.mark.parametrize(
    ("status", "times"),
    [
        ({}, 1),
        ({"expirationTimestamp": "2999-01-01T00:00:00Z"}, 1),
        ({"expirationTimestamp": "2020-01-01T00:00:00Z"}, 3),
    ],
)
def test_a_plugin_is_asked_again_once_its_credential_expires(tmp_path, plugin, status, times):
    script, note = counting(tmp_path, **status)
    cluster = cluster_of(tmp_path, "http://127.0.0.1:1", **plugin(script))
    for _ in range(3):
        with cluster.api():
            pass
    assert len(note.read_text().split()) == times


def test_a_plugin_is_asked_again_where_the_api_server_refuses_its_credential(tmp_path, api_server, plugin):
    script, note = counting(tmp_path)
    cluster = cluster_of(tmp_path, api_server.address, **plugin(script))
    api_server.answers["/api/v1/namespaces/default/pods"] = (401, {"message": "expired"})
    watched = Watched(cluster, "pods", "list_namespaced_pod", namespace="default")
    watched.start()

    def again():
        return Ready(None) if len(note.read_text().split()) > 1 else "once"

    wait_until("the plugin to be asked again", again, 10)
    watched.stop()
    assert "expired" in watched.lost_why
