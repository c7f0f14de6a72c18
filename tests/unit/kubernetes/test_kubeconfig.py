"""Which context a run takes, where no cluster is needed to say no."""

import pytest
import yaml
from kubernetes.client import ApiException

from acceptance.errors import OUR_FAULT, AcceptanceError, BadSetting
from acceptance.kubernetes.client import Cluster, connect


@pytest.fixture
def kubeconfig(tmp_path, monkeypatch):
    """Write a kubeconfig with these contexts, whose server nobody is behind."""

    def write(*names):
        content = {
            "clusters": [{"name": "nowhere", "cluster": {"server": "http://127.0.0.1:1"}}],
            "users": [{"name": "nobody", "user": {}}],
            "contexts": [{"name": name, "context": {"cluster": "nowhere", "user": "nobody"}} for name in names],
            "current-context": names[0],
        }
        (tmp_path / "config").write_text(yaml.safe_dump(content))
        monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "config"))

    return write


def test_one_of_several_contexts_must_be_named(kubeconfig):
    kubeconfig("blue", "green")
    with pytest.raises(BadSetting, match="name the context with --kube-context; there are blue, green"):
        connect("")


def test_an_unknown_context_is_named_with_those_that_there_are(kubeconfig):
    kubeconfig("blue", "green")
    with pytest.raises(BadSetting, match="--kube-context red: not in the kubeconfig, which has blue, green"):
        connect("red")


def test_the_only_context_is_taken_and_a_server_that_does_not_answer_is_named(kubeconfig):
    kubeconfig("blue")
    with pytest.raises(BadSetting, match=r"--kube-context blue: http://127.0.0.1:1 does not answer"):
        connect("")


def test_no_kubeconfig_at_all_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "none"))
    with pytest.raises(BadSetting, match=r"no usable kubeconfig.*name one with KUBECONFIG"):
        connect("")


@pytest.mark.parametrize(("status", "ours"), [(403, False), (409, False), (422, True), (400, True)])
def test_what_the_api_server_finds_malformed_is_the_suites_fault_and_nothing_else_is(status, ours):
    cluster, words = Cluster("lab", "https://192.0.2.1", "admin"), f"creating a pod: HTTP {status}: refused"
    with pytest.raises(AcceptanceError, match=words) as raised, cluster.explained("creating a pod"):
        raise ApiException(status=status, reason="refused")
    assert (OUR_FAULT in str(raised.value)) is ours
