import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config

from tests.cluster.lab import find_kubeconfig
from tests.cluster.lab_namespace import LabNamespace, fresh_namespace, wait_for_no_gpu_pods
from tests.cluster.left_behind import removed_however_the_tests_end
from tools.suite_run import run_suite


@pytest.fixture(scope="session")
def lab_kubeconfig(tmp_path_factory) -> Iterator[str]:
    """The lab's kubeconfig; a test without a lab skips with the reason."""
    found, reason = find_kubeconfig()
    if not found:
        pytest.skip(reason)
    with removed_however_the_tests_end(found, tmp_path_factory.mktemp("guardian")):
        yield found


@pytest.fixture(scope="session")
def options(images_file):
    """What every run on the lab is given."""
    return ["--target=existing", "--profile=quick", "--data=digits", f"--images={images_file}"]


@pytest.fixture
def run_on_lab(tmp_path, lab_kubeconfig, options):
    """Run scenarios on the lab to their end."""

    def run(*arguments, **variables):
        return run_suite(tmp_path / "report", *options, *arguments, KUBECONFIG=lab_kubeconfig, **variables)

    return run


@pytest.fixture(scope="module")
def api(lab_kubeconfig: str) -> Iterator[client.ApiClient]:
    with config.new_client_from_config(lab_kubeconfig) as api:
        yield api


@pytest.fixture
def namespace(api: client.ApiClient) -> Iterator[LabNamespace]:
    with fresh_namespace(api) as namespace:
        yield namespace


@pytest.fixture
def no_gpu_pods(api: client.ApiClient) -> None:
    """The lab once no pod of an earlier test asks for a GPU or passes for a device plugin."""
    wait_for_no_gpu_pods(client.CoreV1Api(api))


@pytest.fixture
def account(api, tmp_path, lab_kubeconfig):
    """Write a kubeconfig of an account that may do what the rules say, everywhere."""
    name = f"account-{secrets.token_hex(4)}"
    core, rbac = client.CoreV1Api(api), client.RbacAuthorizationV1Api(api)
    untyped_core: Any = core
    untyped_rbac: Any = rbac
    untyped_core.create_namespace({"metadata": {"name": name}})

    def write(rules):
        untyped_core.create_namespaced_service_account(name, {"metadata": {"name": name}})
        untyped_rbac.create_cluster_role({"metadata": {"name": name}, "rules": rules})
        subject = {"kind": "ServiceAccount", "name": name, "namespace": name}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
        untyped_rbac.create_cluster_role_binding({"metadata": {"name": name}, "subjects": [subject], "roleRef": role})
        token = untyped_core.create_namespaced_service_account_token(name, name, {"spec": {}}).status.token
        content = yaml.safe_load(Path(lab_kubeconfig).read_text())
        content["users"][0]["user"] = {"token": token}
        (tmp_path / "config").write_text(yaml.safe_dump(content))
        return tmp_path / "config"

    yield write
    core.delete_namespace(name)
    for delete in (rbac.delete_cluster_role_binding, rbac.delete_cluster_role):
        delete(name)
