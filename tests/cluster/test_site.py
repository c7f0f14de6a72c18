"""A namespace that is given, with an account that may not make one, and all that a site asks of pods."""

import json
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from kubernetes import client

from acceptance.kubernetes import manifests
from acceptance.kubernetes.manifests import NAME, RUN
from tests.chain.leftovers import wait_clean
from tests.cluster.lab import END_SECONDS
from tests.cluster.lab_namespace import fresh_namespace
from tests.cluster.lab_pull_secret import NAME as SECRET
from tests.cluster.lab_pull_secret import pull_secret_for
from tests.cluster.left_behind import of_these_tests
from tests.cluster.openshift import GIVEN, users_given
from tests.connect_proxy import proxy_to
from tests.running import LIGHT, started_suite
from tools.suite_run import run_suite

pytestmark = pytest.mark.cluster

LEARNS, DEER = "the_cpu_model_learns", "the_deer_lands_at_index_4"
ALL = ("config_map", "secret", "service", "service_account", "pod")
SHARED = "kubernetes.io/hostname"


@pytest.fixture
def site(api):
    """Somebody else's namespace, in which things are called as a run's are."""
    with fresh_namespace(api) as namespace:
        for name in ("mlflow", "codeset"):
            namespace.core.create_namespaced_config_map(namespace.name, {"metadata": {"name": name}})
        yield namespace


@pytest.fixture
def guest(api, site, tmp_path, lab_kubeconfig):
    """Write a kubeconfig of an account that has the rights of manifests/rbac/guest.yaml there, and no others."""
    name = f"guest-{secrets.token_hex(4)}"
    rbac: Any = client.RbacAuthorizationV1Api(api)
    (role,) = [one for one in manifests.read_component("rbac") if one["metadata"]["name"].endswith("-guest")]
    site.core.create_namespaced_service_account(site.name, {"metadata": {"name": name}})
    rbac.create_namespaced_role(site.name, {"metadata": {"name": name}, "rules": role["rules"]})
    subject = {"kind": "ServiceAccount", "name": name, "namespace": site.name}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    binding = {"metadata": {"name": name}, "subjects": [subject], "roleRef": reference}
    rbac.create_namespaced_role_binding(site.name, binding)
    token = site.core.create_namespaced_service_account_token(name, site.name, {"spec": {}}).status.token
    content = yaml.safe_load(Path(lab_kubeconfig).read_text())
    content["users"][0]["user"] = {"token": token}
    file = tmp_path / "guest"
    file.write_text(yaml.safe_dump(content))
    return file


@pytest.fixture
def by_proxy(guest):
    """The guest's kubeconfig once more: its API server has a name that only a proxy knows."""
    content = yaml.safe_load(guest.read_text())
    cluster = content["clusters"][0]["cluster"]
    server = urlsplit(cluster["server"])
    with proxy_to({"api.site.example:6443": (server.hostname, server.port)}) as proxy:
        cluster |= {"server": "https://api.site.example:6443", "proxy-url": proxy.url}
        cluster["tls-server-name"] = server.hostname
        file = guest.with_name("by-proxy")
        file.write_text(yaml.safe_dump(content))
        yield file


@pytest.fixture
def pull_secret(api, site):
    """A pull secret of another namespace, which the guest may get."""
    with pull_secret_for(api, site.name) as pull_secret:
        yield pull_secret


@pytest.fixture
def users(api, site, tmp_path):
    """The site gives its namespace users of its own, as OpenShift does."""
    with users_given(api, site.name, tmp_path, of_these_tests()):
        yield GIVEN


@pytest.fixture
def disks(api, tmp_path):
    """A StorageClass of one disk, which is a folder of the lab's node, and a PriorityClass; both have this name."""
    name, folder = f"site-{secrets.token_hex(4)}", tmp_path / "disk"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)  # whoever the pod runs as
    for parent in list(folder.parents)[:3]:
        parent.chmod(0o755)
    storage: Any = client.StorageV1Api(api)
    core: Any = client.CoreV1Api(api)
    scheduling: Any = client.SchedulingV1Api(api)
    about = {"metadata": {"name": name, "labels": of_these_tests()}}
    storage.create_storage_class({**about, "provisioner": "kubernetes.io/no-provisioner"})
    spec = {
        "capacity": {"storage": "4Gi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": name,
        "hostPath": {"path": str(folder)},
    }
    core.create_persistent_volume({**about, "spec": spec})
    scheduling.create_priority_class({**about, "value": 10})
    yield name, folder
    scheduling.delete_priority_class(name)
    core.delete_persistent_volume(name)
    storage.delete_storage_class(name)


def left(api, namespace):
    """Return what has a run's label there."""
    core, found = client.CoreV1Api(api), list[str]()
    for kind in ALL:
        listed = getattr(core, f"list_namespaced_{kind}")(namespace, label_selector=RUN)
        found += [f"{kind} {one.metadata.name}" for one in listed.items if not one.metadata.deletion_timestamp]
    apps: Any = client.AppsV1Api(api)
    batch: Any = client.BatchV1Api(api)
    for listing in (apps.list_namespaced_deployment, batch.list_namespaced_job):
        found += [one.metadata.name for one in listing(namespace, label_selector=RUN).items]
    return found


def others(api, namespace):
    core: Any = client.CoreV1Api(api)
    listings = (core.list_namespaced_config_map, core.list_namespaced_secret)
    return {one.metadata.name for listing in listings for one in listing(namespace).items}


def test_a_guest_with_the_documented_rights_runs_and_each_option_is_seen_in_the_pods_that_came_of_it(
    api, site, by_proxy, users, disks, pull_secret, options, tmp_path
):
    (node,) = site.core.list_node().items
    host, (named, folder) = node.metadata.labels[SHARED], disks
    given = {
        "label": "team=ml",
        "annotation": "site.example/owner=platform, both",
        "node-selector": f"{SHARED}={host}",
        "toleration": "spot=yes:NoSchedule",
        "priority-class": named,
        "storage-class": named,
        "pull-secret": pull_secret.place,
        "namespace": site.name,
    }
    before = others(api, site.name)
    asked = [f"--{option}={value}" for option, value in given.items()]
    chosen = ("-k", f"{LEARNS} or {DEER}")
    result = run_suite(tmp_path / "report", *options, *LIGHT, *asked, *chosen, KUBECONFIG=str(by_proxy))
    assert result.code == 0, result.output
    assert {name: one.outcome for name, one in result.scenarios().items()} == {LEARNS: "passed", DEER: "passed"}
    pods = [*yaml.safe_load_all((result.report / "logs" / "pods.log").read_text())]
    assert {"mlflow", "image-trainer", "image-triton"} <= {
        one["metadata"]["labels"][NAME].rpartition("-")[0] or "mlflow" for one in pods
    }
    for pod in pods:
        metadata, spec = pod["metadata"], pod["spec"]
        assert metadata["labels"]["team"] == "ml"
        assert metadata["annotations"]["site.example/owner"] == "platform, both"
        assert spec["nodeSelector"] == {"kubernetes.io/arch": "amd64", SHARED: host}
        assert {"effect": "NoSchedule", "key": "spot", "operator": "Equal", "value": "yes"} in spec["tolerations"]
        assert spec["priorityClassName"] == named
        assert spec["imagePullSecrets"] == [{"name": f"{SECRET}-{metadata['labels'][RUN]}"}]
        assert metadata["labels"][RUN] in metadata["name"]
        assert spec["securityContext"]["runAsUser"] == users
    (mlflow,) = [pod for pod in pods if pod["metadata"]["labels"][NAME] == "mlflow"]
    assert [
        one["ephemeral"]["volumeClaimTemplate"]["spec"]["storageClassName"]
        for one in mlflow["spec"]["volumes"]
        if one["name"] == "storage"
    ] == [named]
    assert (folder / "mlflow.db").exists()
    assert left(api, site.name) == []
    assert others(api, site.name) == before
    results = json.loads((result.report / "results.json").read_text())
    assert f"namespace {site.name}" in results["location"]
    hidden = "nodes, pods of all namespaces: this account may not look"
    assert results["versions"]["not checked"] == hidden  # no registry was asked for the images of this machine either
    # the kubelet's word for a pod whose secret isn't there
    assert "FailedToRetrieveImagePullSecret" not in (result.report / "logs" / "events.log").read_text()
    written = b"".join(file.read_bytes() for file in result.report.rglob("*") if file.is_file())
    assert [form for form in pull_secret.held if form in written + result.output.encode()] == []


def test_kill_9_leaves_nothing_of_a_run_in_a_namespace_that_stays(api, site, guest, options, tmp_path):
    (tmp_path / "tmp").mkdir()
    before = others(api, site.name)
    arguments = [*options, *LIGHT, f"--namespace={site.name}", "-k", LEARNS]
    with started_suite(tmp_path, *arguments, KUBECONFIG=str(guest), TMPDIR=str(tmp_path / "tmp")) as run:
        run.wait_for_log("training-*-trainer")
        run.popen.kill()
        run.wait_for_end()
        wait_clean(tmp_path, END_SECONDS)
    assert left(api, site.name) == []
    assert others(api, site.name) == before
