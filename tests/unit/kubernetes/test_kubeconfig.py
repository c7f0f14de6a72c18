"""Which context a run takes, where no cluster is needed to say no."""

import pytest
from kubernetes.client import ApiException

from acceptance.errors import OUR_FAULT, AcceptanceError, BadSetting
from acceptance.kubernetes.client import Cluster, connect
from acceptance.redaction.patterns import MARK
from tests.unit.kubernetes.api_server import cluster_of, write_kubeconfig

TOKEN = "plain" + "words" * 3


def test_one_of_several_contexts_must_be_named(tmp_path):
    kubeconfig = write_kubeconfig(tmp_path / "config", "blue", "green")
    with pytest.raises(BadSetting, match="name the context with --kube-context; there are blue, green"):
        connect("", kubeconfig=kubeconfig)


def test_an_unknown_context_is_named_with_those_that_there_are(tmp_path):
    kubeconfig = write_kubeconfig(tmp_path / "config", "blue", "green")
    with pytest.raises(BadSetting, match="--kube-context red: not in the kubeconfig, which has blue, green"):
        connect("red", kubeconfig=kubeconfig)


def test_the_only_context_is_taken_and_a_server_that_does_not_answer_is_named(tmp_path):
    kubeconfig = write_kubeconfig(tmp_path / "config", "blue")
    with pytest.raises(BadSetting, match=r"--kube-context blue: http://127.0.0.1:1 does not answer"):
        connect("", kubeconfig=kubeconfig)


def test_no_kubeconfig_at_all_is_named(tmp_path):
    with pytest.raises(BadSetting, match=r"no usable kubeconfig.*name one with KUBECONFIG"):
        connect("", kubeconfig=tmp_path / "none")


@pytest.mark.parametrize(("status", "ours"), [(403, False), (409, False), (422, True), (400, True)])
def test_what_the_api_server_finds_malformed_is_the_suites_fault_and_nothing_else_is(status, ours):
    cluster, words = Cluster("lab", "https://192.0.2.1", "admin"), f"creating a pod: HTTP {status}: refused"
    error = ApiException(status=status)
    error.body = '{"kind": "Status", "message": "refused"}'
    with pytest.raises(AcceptanceError, match=words) as raised, cluster.api_errors("creating a pod"):
        raise error
    assert (OUR_FAULT in str(raised.value)) is ours


def test_the_kubeconfigs_token_is_a_known_secret_once_it_was_used(tmp_path):
    cluster = cluster_of(tmp_path, "http://127.0.0.1:1", token=TOKEN)
    with cluster.api():
        assert cluster.redactor.text(f"said {TOKEN}") == f"said {MARK}"
