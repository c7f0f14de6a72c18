"""How a run's pods reach what is outside: what it makes for that and says of it, and that pods get there by it.

The programs that look at a tracking server and at an object store run as in their pods, by the variables that these
have, against servers with TLS by a private authority whose names only a proxy knows.
"""

import dataclasses
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from acceptance.errors import AcceptanceError, problem_of
from acceptance.kubernetes import egress, manifests
from acceptance.options import read_settings
from acceptance.redaction.redactor import Redactor
from acceptance.settings import Egress, PodRules
from acceptance.stacks import kubernetes_objects as objects
from acceptance.stacks.kubernetes_egress import PodEgress
from acceptance.stacks.protocol import Part
from acceptance.storage.certificate import issue
from acceptance.storage.location import Location
from acceptance.training import server_verdict
from acceptance.training.server import UsersServer
from tests.connect_proxy import proxy_to
from tests.tracking_servers import Said, front
from tests.unit.kubernetes.small_cluster import SmallCluster
from tests.unit.stacks.test_given_namespace import NAMESPACE, SharedCluster
from tests.unit.stacks.test_kubernetes import stack_on

PROXY = "http://proxy.corp.example:3128"
MLFLOW, STORE = "mlflow.corp.example", "store.corp.example"
PORT = 8443
# the fronts answer everything themselves
NOBODY: Any = None


@pytest.fixture
def authority(tmp_path):
    file = tmp_path / "corp.pem"
    file.write_text(issue([STORE]).authority)
    return file


def pod_egress(asked, server=None, **given):
    settings = read_settings({"target": "existing", **given}, ["existing"], {})
    return PodEgress(dataclasses.replace(settings, pods=PodRules(egress=asked)), server)


def made(cluster, name):
    return {one["kind"]: one for one in cluster.created if one["metadata"]["name"] == name}


# --- what a run makes, and says


def test_a_run_makes_what_its_pods_name_once_and_the_proxy_is_nowhere_else(tmp_path, authority):
    cluster = SmallCluster()
    given = {"proxy": PROXY, "no_proxy": ".lab.example", "ca": str(authority), "store": "minio"}
    with stack_on(cluster, tmp_path, **given) as stack:
        stack.own_store.prepared = True
        stack.create_mlflow()
        stack.create_mlflow()
    found = made(cluster, egress.NAME)
    assert set(found) == {"Secret", "ConfigMap"}
    assert found["Secret"]["stringData"]["NO_PROXY"].split(",")[-3:] == ["mlflow", "minio", ".lab.example"]
    assert authority.read_text().strip() in found["ConfigMap"]["data"][egress.FILE]
    assert [one["kind"] for one in cluster.created if PROXY in str(one)] == ["Secret"]


def test_in_a_namespace_of_others_it_has_the_runs_id_and_goes_at_the_end(tmp_path):
    cluster = SharedCluster()
    with stack_on(cluster, tmp_path, namespace=NAMESPACE, proxy=PROXY) as stack:
        # what deletes it where pytest was killed is told of it too
        assert stack.uses == ["Secret"]
        stack.create_mlflow()
        name = stack.namespace.named(egress.NAME)
        assert f"mlflow-{stack.namespace.run}" in made(cluster, name)["Secret"]["stringData"]["NO_PROXY"].split(",")
        assert cluster.names("secrets") == [name]
    assert cluster.names("secrets") == []


def test_an_account_that_may_not_make_the_secret_is_told_so_before_anything_is_trained(tmp_path):
    cluster = SharedCluster(forbidden=["create secrets"])
    with stack_on(cluster, tmp_path, namespace=NAMESPACE, proxy=PROXY) as stack:
        problem = problem_of(lambda: stack.look_ahead({Part("training")}))
    assert "may not create secrets in namespace team-ml, which is needed for what --proxy and --ca have" in str(problem)


def test_a_run_whose_pods_asked_nothing_outside_says_that_neither_was_checked(tmp_path, authority):
    with stack_on(SmallCluster(), tmp_path, proxy=PROXY, ca=str(authority)) as stack:
        stack.tracking_uri = "http://127.0.0.1:9"
        said = stack.facts().versions["not checked"]
    assert said == "--proxy, --ca: no pod of the run asked anything by that"


def test_what_pods_ask_by_the_options_is_checked_once_they_have(authority):
    server = UsersServer(f"https://{MLFLOW}", "suite", {})
    found = pod_egress(Egress(PROXY, (), authority), server)
    found.objects(str, None)
    assert found.unchecked(asked_by_pods=True) == []
    assert found.unchecked(asked_by_pods=False) == ["--proxy, --ca: no pod of the run asked anything by that"]


def test_an_authority_of_the_servers_or_the_stores_own_goes_before_and_leaves_the_option_unchecked(authority):
    own = {"MLFLOW_TRACKING_SERVER_CERT_PATH": str(authority)}
    found = pod_egress(Egress("", (), authority), UsersServer(f"https://{MLFLOW}", "suite", own))
    found.objects(str, Store(AWS_CA_BUNDLE=str(authority)))
    assert found.unchecked(asked_by_pods=True) == ["--ca: no pod of the run asked anything by that"]


class WithKServe(SmallCluster):
    def get(self, path, query):
        if path.rstrip("/") == "/apis/serving.kserve.io/v1beta1":
            one = {"name": "inferenceservices", "kind": "K", "namespaced": True, "singularName": "", "verbs": []}
            return 200, {"groupVersion": "serving.kserve.io/v1beta1", "resources": [one]}
        if any(name in path for name in ("knative", "kserve", "clusterservingruntimes", "webhookconfigurations")):
            return 404, {"message": "there is none"}
        return super().get(path, query)


def test_that_kserve_copies_without_them_is_said_before_anything_is_made_and_stays_unchecked(tmp_path, authority):
    cluster, said = WithKServe(), []

    def say(text):
        said.append((text, len(cluster.created)))

    given = {"predictor": "kserve", "store": "minio", "proxy": PROXY, "ca": str(authority)}
    with stack_on(cluster, tmp_path, say=say, **given) as stack:
        unchecked = stack.facts().versions["not checked"]
    (note, made_before), *_ = said
    assert made_before == 0
    assert note.startswith("KServe's storage initializer gets none of --proxy and --ca: KServe makes it.")
    for way in ("ClusterStorageContainer", "AWS_CA_BUNDLE", "caBundleConfigMapName", "docs/kserve.md"):
        assert way in note
    assert "KServe's storage initializer: gets none of --proxy and --ca" in unchecked


def test_without_them_nothing_is_said_of_kserve(authority):
    assert pod_egress(Egress(), predictor="kserve", store="minio").not_for_copier == ""
    assert pod_egress(Egress(PROXY, (), authority)).not_for_copier == ""
    note = pod_egress(Egress("", (), authority), predictor="kserve", store="minio").not_for_copier
    assert "ClusterStorageContainer" not in note
    assert pod_egress(Egress(), predictor="kserve", store="minio").unchecked(asked_by_pods=False) == []


def test_that_seldon_copies_without_them_is_said(authority):
    egress = pod_egress(Egress(PROXY, (), authority), predictor="seldon", store="s3://models/ci")
    assert egress.not_for_copier.startswith(
        "Seldon's storage initializer gets none of --proxy and --ca: Seldon makes it"
    )
    assert "Seldon's storage initializer: gets none of --proxy and --ca" in egress.unchecked(asked_by_pods=True)


def test_the_proxys_password_is_hidden_wherever_a_pod_says_it():
    url = "http://ann:hunter2%2Fhunter2@proxy.corp.example:3128"
    redactor = Redactor.from_environment({"ACCEPTANCE_PROXY": url})
    for said in (f"can't connect to {url}", "ann:hunter2%2Fhunter2", "password hunter2/hunter2"):
        assert "hunter2" not in redactor.text(said)


# --- what pods do by it


class Store:
    """In the place of a run's prefix in a bucket of somebody's."""

    location = Location("models", "ci/run")
    artifacts = location.beneath("artifacts")

    def __init__(self, **more):
        self.more = more

    def variables(self):
        keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "a-secret-key", "AWS_DEFAULT_REGION": "lab"}
        return {**keys, "AWS_ENDPOINT_URL_S3": f"https://{STORE}:{PORT}", **self.more}


def environment_of(container, objects_there, folder):
    """Return a container's variables as the kubelet puts them together, with the files that they name in `folder`."""
    secrets = {one["metadata"]["name"]: one["stringData"] for one in objects_there if one["kind"] == "Secret"}
    files = {one["metadata"]["name"]: one["data"] for one in objects_there if one["kind"] == "ConfigMap"}
    found: dict[str, str] = {}
    for source in container["envFrom"]:
        found |= secrets.get(source["secretRef"]["name"], {})
    found |= {one["name"]: one["value"] for one in container["env"]}
    for mount in container["volumeMounts"]:
        of = {"egress": egress.NAME, "authority": objects.AUTHORITY}.get(mount["name"], "")
        for name, text in files.get(of, {}).items():
            (folder / f"{of}-{name}").write_text(text)
            there = f"{mount['mountPath']}/{name}"
            found = {key: str(folder / f"{of}-{name}") if value == there else value for key, value in found.items()}
    return found


def run(container, environment, **more):
    return subprocess.run(
        [sys.executable, *container["command"][1:]],
        env={"PATH": os.environ["PATH"], "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0", **environment, **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def of_mlflow(method, path, headers):
    if path.startswith("/version"):
        return Said(200, b"3.17.0", "text/plain")
    said = {"experiment": {"experiment_id": "7", "lifecycle_stage": "deleted"}}
    return Said(200, json.dumps(said).encode(), "application/json")


@pytest.mark.parametrize("with_ca", [True, False])
def test_the_check_of_a_tracking_server_gets_there_by_the_proxy_and_trusts_it_by_the_authority(tmp_path, with_ca):
    server = UsersServer(f"https://{MLFLOW}:{PORT}", "suite", {})
    with (
        front(NOBODY, tmp_path, of_mlflow, tls=True, name=MLFLOW) as address,
        proxy_to({f"{MLFLOW}:{PORT}": ("127.0.0.1", int(address.rpartition(":")[2]))}) as proxy,
    ):
        asked = Egress(proxy.url, (), tmp_path / "authority.crt" if with_ca else None)
        there = [*pod_egress(asked, server).objects(str, None), *objects.tracking_server(server)]
        pod = objects.server_check(server_verdict.variables(server))
        container = manifests.container_of(pod, "mlflow-check")
        ended = run(container, environment_of(container, there, tmp_path))
        verdict = server_verdict.read_verdict(ended.stdout)
    assert set(proxy.tunnels) == {f"{MLFLOW}:{PORT}"}
    if with_ca:  # what it says is the server's own
        assert (verdict["step"], verdict["version"]) == ("deleted", "3.17.0")
        return
    with pytest.raises(AcceptanceError, match=r"no TLS connection that can be trusted: .*for pods alone with --ca"):
        server_verdict.judge(server, verdict, "in a pod")


def first_look(asked, store, folder):
    there = [*pod_egress(asked, store="s3://models/ci").objects(str, store), *objects.mlflow(store)]
    (deployment,) = [one for one in there if one["kind"] == "Deployment"]
    container = manifests.container_of(deployment, "store")
    return run(container, environment_of(container, there, folder), AWS_EC2_METADATA_DISABLED="true")


def test_mlflows_pod_gets_to_the_store_by_them_and_the_stores_own_authority_goes_before(tmp_path):
    stranger = tmp_path / "stranger"
    stranger.write_text(issue([STORE]).authority)
    with (
        front(NOBODY, tmp_path, lambda method, path, headers: Said(200), tls=True, name=STORE) as address,
        proxy_to({f"{STORE}:{PORT}": ("127.0.0.1", int(address.rpartition(":")[2]))}) as proxy,
    ):
        authority = tmp_path / "authority.crt"
        ended = first_look(Egress(proxy.url, (), authority), Store(), tmp_path)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert f"{STORE}:{PORT}" in proxy.tunnels
        # --ca would do, and doesn't count
        ended = first_look(Egress(proxy.url, (), authority), Store(AWS_CA_BUNDLE=str(stranger)), tmp_path)
        assert ended.returncode == 1
        assert "certificate verify failed" in ended.stderr
        assert ended.stderr.strip().endswith("; see AWS_CA_BUNDLE and --ca")


def test_a_proxy_that_does_not_let_mlflows_pod_through_is_named_with_the_options(tmp_path):
    with proxy_to({}) as proxy:
        login = proxy.url.replace("http://", "http://ann:hunter2hunter2@")
        ended = first_look(Egress(login), Store(), tmp_path)
        assert f"{STORE}:{PORT}" in proxy.tunnels
    assert ended.returncode == 1
    assert ended.stderr.strip().endswith("; see --proxy and --no-proxy")
    assert "hunter2" not in ended.stderr
