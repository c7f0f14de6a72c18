"""On OpenShift pods name no user: its namespaces have their own."""

import pytest

from acceptance.kubernetes import manifests
from tests.unit.stacks.test_given_namespace import NAMESPACE, SharedCluster, made
from tests.unit.stacks.test_kubernetes import stack_on

WITH_USERS = ("training", "triton", "mlflow", "minio", "load", "gpu-probe", "image-check", "kserve")


@pytest.mark.parametrize("component", WITH_USERS)
def test_a_manifest_without_users_still_asks_for_one_that_is_not_root(component):
    (manifest,) = [
        one for one in manifests.read_component(component) if manifests.pod_of(one) and one["kind"] != "ServingRuntime"
    ]
    assert "runAsUser" in str(manifest)
    manifests.leave_users_open(manifest)
    assert not any(field in str(manifest) for field in ("runAsUser", "runAsGroup", "fsGroup"))
    pod = manifests.pod_of(manifest)
    assert pod
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True


def users_of(cluster):
    (deployment,) = made(cluster, "Deployment")
    return deployment["spec"]["template"]["spec"]["securityContext"].get("runAsUser")


@pytest.mark.parametrize(("groups", "user"), [(["apps"], 1000), (["apps", "security.openshift.io"], None)])
def test_a_cluster_is_known_by_its_groups(tmp_path, groups, user):
    cluster = SharedCluster()
    cluster.groups = groups
    with stack_on(cluster, tmp_path) as stack:
        stack.create_mlflow()
    assert users_of(cluster) == user


def test_a_given_namespace_is_known_by_its_annotation(tmp_path):
    cluster = SharedCluster()
    about = cluster.objects["/api/v1/namespaces"][NAMESPACE]["metadata"]
    about["annotations"] = {"openshift.io/sa.scc.uid-range": "1000650000/10000"}
    with stack_on(cluster, tmp_path, namespace=NAMESPACE) as stack:
        stack.create_mlflow()
    assert users_of(cluster) is None
