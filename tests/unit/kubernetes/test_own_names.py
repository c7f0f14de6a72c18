"""In a shared namespace nothing refers to an object by a name that another run's may have."""

import pytest

from acceptance.kserve.service import reader
from acceptance.kubernetes import manifests
from acceptance.kubernetes.own_names import named, rename
from acceptance.paths import MANIFESTS

ID = "1a2b3c4d"
COMPONENTS = sorted(folder.name for folder in MANIFESTS.iterdir() if folder.is_dir())
# the namespace itself, and what is NVIDIA's or of the namespace that the run makes
EVERY = [
    manifest
    for component in COMPONENTS
    if component not in ("namespace", "device-plugin", "kserve-gateway", "rbac")
    for manifest in manifests.read_component(component)
]


def references(manifest):
    """Yield the names by which a manifest calls other objects of the run's."""
    pod = manifests.pod_of(manifest)
    spec = pod["spec"] if pod else {}
    yield from filter(None, [spec.get("serviceAccountName")])
    for volume in spec.get("volumes", []):
        yield from (
            volume[kind][key] for kind, key in (("configMap", "name"), ("secret", "secretName")) if kind in volume
        )
    for container in manifests.containers_of(manifest):
        yield from (reference["name"] for source in container.get("envFrom", []) for reference in source.values())


@pytest.mark.parametrize("manifest", EVERY, ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_an_object_and_what_it_refers_to_have_the_runs_id(manifest):
    found = rename(manifest, ID)
    assert found["metadata"]["name"].endswith(f"-{ID}")
    assert all(name.endswith(f"-{ID}") for name in references(found))
    assert "mlflow:5000" not in str(found).replace(f"mlflow-{ID}:5000", "")
    assert rename(found, ID) == found


def test_what_a_name_would_be_is_what_it_is_after_a_second_time():
    assert named("mlflow", ID) == named(named("mlflow", ID), ID) == f"mlflow-{ID}"


def test_services_and_deployments_are_about_the_runs_own_pods():
    for manifest in (rename(one, ID) for one in manifests.read_component("mlflow")):
        selector = manifest["spec"]["selector"]
        assert (selector if manifest["kind"] == "Service" else selector["matchLabels"])["triton-acceptance/run"] == ID


def test_the_account_of_predictors_calls_its_secret_and_its_authority_by_their_names():
    variables = {"AWS_ENDPOINT_URL_S3": "https://minio:9000", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    secret, account = (rename(one, ID) for one in reader(variables, "object-store-authority"))
    assert account["secrets"] == [{"name": secret["metadata"]["name"]}] == [{"name": f"model-reader-{ID}"}]
    authority = secret["metadata"]["annotations"]["serving.kserve.io/s3-cabundle-configmap"]
    assert authority == f"object-store-authority-{ID}"


def test_a_pull_secret_of_the_namespace_keeps_its_name():
    (pod,) = manifests.read_component("gpu-probe")
    pod["spec"]["imagePullSecrets"] = [{"name": "registry"}]
    assert rename(pod, ID, keep_pull_secret=True)["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    assert rename(pod, ID)["spec"]["imagePullSecrets"] == [{"name": f"registry-{ID}"}]


def test_a_pod_that_is_tried_out_by_a_generated_name_has_the_id_before_the_dash():
    pod = {"kind": "Pod", "metadata": {"generateName": "mlflow-"}, "spec": {"containers": [{"name": "mlflow"}]}}
    assert rename(pod, ID)["metadata"]["generateName"] == f"mlflow-{ID}-"
