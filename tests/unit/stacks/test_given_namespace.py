"""A run in a namespace that others use too: its objects have its id, only they go, and the rest is the site's."""

import copy
import os
import platform
import subprocess
import sys

import pytest

from acceptance.errors import AcceptanceError, problem_of
from acceptance.kubernetes.cleanup import OWNER
from acceptance.kubernetes.client import connect
from acceptance.kubernetes.manifests import RUN
from acceptance.kubernetes.own_names import named
from acceptance.kubernetes.run_cleanup import MARKER, delete_run
from acceptance.paths import ROOT
from acceptance.stacks.protocol import Part
from tests.unit.kubernetes.api_server import running, write_kubeconfig
from tests.unit.stacks.test_kubernetes import RUN as TRAINED
from tests.unit.stacks.test_kubernetes import VECTOR_ADD, stack_on
from tests.unit.stacks.test_kubernetes_preflight import StrictCluster

NAMESPACE = "team-ml"
CONFIG_MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
THEIRS = {"metadata": {"name": "theirs"}, "spec": {"containers": [{"name": "theirs", "image": "theirs"}]}}
POLICIES = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies"


class SharedCluster(StrictCluster):
    """It has the namespace, and in there what somebody else made."""

    def __init__(self, **more):
        super().__init__(**more)
        self.asked_for = set()
        self.put("/api/v1/namespaces", {"kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": {}}})
        for name in ("mlflow", "codeset", "object-store"):
            self.put(CONFIG_MAPS, {"kind": "ConfigMap", "metadata": {"name": name}})
        self.put(f"/api/v1/namespaces/{NAMESPACE}/pods", copy.deepcopy(THEIRS))

    def may(self, verb, resource, namespace):
        self.asked_for.add(f"{verb} {resource}")
        return super().may(verb, resource, namespace)

    def delete_all(self, path, selector):
        kind = path.rpartition("/")[2]
        if any(right.startswith(f"deletecollection {kind}") for right in self.forbidden):
            return 403, {"message": f"{kind} is forbidden"}
        return super().delete_all(path, selector)


def made(cluster, kind):
    return [one for one in cluster.created if one["kind"] == kind]


def test_what_a_run_makes_has_its_id_and_its_label_and_goes_while_all_else_stays(tmp_path):
    cluster = SharedCluster()
    with stack_on(cluster, tmp_path, namespace=NAMESPACE) as stack:
        run = stack.namespace.run
        stack.create_mlflow()
        name = stack.predictor_name("cpu")
        predictor = stack.start_predictor(name, TRAINED, "cpu")
        assert predictor.endpoint.inside == f"triton-cpu-1-{run}:8000"
        for one in cluster.created:
            assert one["metadata"]["name"].endswith(f"-{run}"), one
            assert one["metadata"]["labels"][RUN] == run
        assert f"mlflow-{run}" in cluster.names("deployments")
    assert not any(
        run in name for kind in ("pods", "deployments", "services", "configmaps") for name in cluster.names(kind)
    )
    assert cluster.names("configmaps") == ["mlflow", "codeset", "object-store"]
    assert cluster.names("namespaces") == [NAMESPACE]
    assert cluster.names("pods") == ["theirs"]


def test_neither_a_quota_nor_a_policy_nor_a_namespace_is_made(tmp_path):
    cluster = SharedCluster()
    with stack_on(cluster, tmp_path, namespace=NAMESPACE) as stack:
        stack.look_ahead({Part("training"), Part("triton"), Part("load")})
    assert {one["kind"] for one in cluster.created}.isdisjoint({"Namespace", "ResourceQuota", "NetworkPolicy"})
    assert {"create namespaces", "create resourcequotas", "create networkpolicies.networking.k8s.io"}.isdisjoint(
        cluster.asked_for
    )


def test_two_runs_share_it_and_each_sees_its_own_pods(tmp_path):
    cluster = SharedCluster()
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    with stack_on(cluster, tmp_path / "one", namespace=NAMESPACE) as one:
        one.create_mlflow()
        ours = one.namespace.waits.ready("mlflow").metadata.name
        with stack_on_the_same(cluster, tmp_path / "other") as other:
            other.create_mlflow()
            theirs = other.namespace.waits.ready("mlflow").metadata.name
            assert ours != theirs
            assert [pod.metadata.name for pod in other.namespace.pods.named("mlflow")] == [theirs]
        assert one.namespace.pods.ready_name("mlflow") == ours
        for service in made(cluster, "Service"):
            assert service["spec"]["selector"][RUN] in service["metadata"]["name"]
        for deployment in made(cluster, "Deployment"):
            run = deployment["spec"]["selector"]["matchLabels"][RUN]
            assert deployment["spec"]["template"]["metadata"]["labels"][RUN] == run


def stack_on_the_same(cluster, folder):
    return stack_on(cluster, folder, namespace=NAMESPACE)


def test_a_pod_that_looks_at_a_gpu_has_the_runs_id_too(tmp_path):
    cluster = SharedCluster(phase="Succeeded")
    with stack_on(cluster, tmp_path, namespace=NAMESPACE) as stack:
        run, result = stack.namespace.run, stack.run_pod(VECTOR_ADD)
    assert result.name == "cuda-vector-add"
    assert [one["metadata"]["name"] for one in made(cluster, "Pod")] == [f"cuda-vector-add-{run}"]


def test_who_may_not_delete_what_it_would_make_is_told_so_and_leaves_nothing(tmp_path):
    cluster = SharedCluster(forbidden=("deletecollection jobs.batch",))
    with stack_on(cluster, tmp_path, namespace=NAMESPACE) as stack:
        missing = problem_of(lambda: stack.look_ahead({Part("training")}))
    assert "may not deletecollection jobs.batch in namespace team-ml" in str(missing)
    assert cluster.names("configmaps") == ["mlflow", "codeset", "object-store"]


def test_a_secret_that_may_not_be_deleted_is_named_and_all_else_goes(tmp_path):
    cluster = SharedCluster(forbidden=("deletecollection secrets",))
    about = {"metadata": {"name": "registry"}, "type": "kubernetes.io/dockercfg", "data": {".dockercfg": "e30="}}
    cluster.put("/api/v1/namespaces/platform/secrets", {"kind": "Secret", **about})
    run = ""

    def use():
        nonlocal run
        with stack_on(cluster, tmp_path, namespace=NAMESPACE, pull_secret="platform/registry") as stack:  # noqa: S106
            run = stack.namespace.run
            stack.create_mlflow()

    with pytest.raises(AcceptanceError) as ended:
        use()
    assert f"of run {run} could not be deleted Secret (HTTP 403: secrets is forbidden)" in str(ended.value)
    assert f"--namespace team-ml --run {run}" in str(ended.value)
    assert cluster.names("deployments") == []
    # it tells whose the rest is
    assert named("triton-acceptance", run) in cluster.names("configmaps")


class Failing(SharedCluster):
    def delete_all(self, path, selector):
        return (500, {"message": "etcd is away"}) if path.endswith("/services") else super().delete_all(path, selector)


def test_a_kind_whose_deletion_fails_keeps_no_other_from_going(tmp_path):
    cluster = Failing()
    with pytest.raises(AcceptanceError, match=r"Service \(HTTP 500: etcd is away\)"):  # noqa: SIM117 - raised at its end
        with stack_on(cluster, tmp_path, namespace=NAMESPACE) as stack:
            stack.create_mlflow()
    assert cluster.names("deployments") == []
    assert cluster.names("secrets") == []


class Held(SharedCluster):
    """KServe's controller lets no InferenceService go."""

    def get(self, path, query):
        if path.endswith("/inferenceservices"):
            return 200, {"items": [{"metadata": {"name": "triton-cpu-1-1a2b"}}]}
        return super().get(path, query)


def test_an_inference_service_that_stays_is_named(tmp_path):
    cluster = Held()
    with stack_on(SharedCluster(), tmp_path, namespace=NAMESPACE):
        pass
    with running(cluster):
        kubeconfig = write_kubeconfig(tmp_path / "held", "lab", server=cluster.address)
        with pytest.raises(
            AcceptanceError, match=r"(?s)InferenceService triton-cpu-1-1a2b.*log of KServe's controller"
        ):
            delete_run(connect("lab", kubeconfig=kubeconfig), NAMESPACE, "1a2b", seconds=0.1)


def test_why_there_is_no_pod_is_told_by_the_runs_own_deployment(tmp_path):
    cluster = SharedCluster()
    with stack_on(cluster, tmp_path, namespace=NAMESPACE) as stack:
        stack.create_mlflow()
        assert stack.namespace.pods.owners == {"mlflow": f"mlflow-{stack.namespace.run}"}


@pytest.mark.parametrize(
    ("arguments", "code", "left"), [(("--run", "typo"), 1, True), ((), 0, True), (("--all",), 0, False)]
)
def test_clean_cluster_removes_what_runs_left_there(tmp_path, arguments, code, left):
    cluster = SharedCluster()
    with stack_on(cluster, tmp_path, keep=True, namespace=NAMESPACE) as stack:
        run = stack.namespace.run
        stack.create_mlflow()
        # as after its end
        marker = cluster.objects[CONFIG_MAPS][named("triton-acceptance", run)]
        marker["metadata"]["annotations"][OWNER] = f"somebody@{platform.node()} 1 0"
        command = [sys.executable, "-m", "tools.clean_cluster", "--namespace", NAMESPACE, *arguments]
        environment = {**os.environ, "KUBECONFIG": str(stack.cluster.kubeconfig)}
        found = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert found.returncode == code, found.stdout + found.stderr
        assert (f"mlflow-{run}" in cluster.names("deployments")) == left
        assert cluster.names("pods")[0] == "theirs"


def test_what_a_killed_run_left_goes_by_its_label_and_nobody_elses(tmp_path):
    cluster = SharedCluster()
    with stack_on(cluster, tmp_path, keep=True, namespace=NAMESPACE) as stack:
        run = stack.namespace.run
        stack.create_mlflow()
        command = stack.namespace.removal(tmp_path, ["Secret"])
        assert {NAMESPACE, run, "Secret"} <= set(command)
        assert f"--namespace {NAMESPACE} --run {run}" in stack.how_to_reach()
        assert f"mlflow-{run}" in cluster.names("deployments")
        marker = cluster.objects[CONFIG_MAPS][named("triton-acceptance", run)]
        assert marker["metadata"]["labels"][MARKER] == "true"
        assert marker["metadata"]["annotations"]["triton-acceptance/kept"] == "true"
        kubeconfig = stack.cluster.kubeconfig
        delete_run(connect("lab", kubeconfig=kubeconfig), NAMESPACE, run)
        assert cluster.names("deployments") == []
        assert cluster.names("configmaps") == ["mlflow", "codeset", "object-store"]
        assert cluster.names("pods") == ["theirs"]


SHUT = {"metadata": {"name": "deny-all"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}


def test_policies_that_keep_the_runs_pods_apart_are_named_before_anything_is_made(tmp_path):
    cluster = SharedCluster()
    cluster.objects[POLICIES] = {"deny-all": SHUT}
    with (
        pytest.raises(AcceptanceError, match=r"network policy deny-all of namespace team-ml keeps the run's pods from"),
        stack_on(cluster, tmp_path, namespace=NAMESPACE),
    ):
        pass
    assert [one["kind"] for one in cluster.created] == ["ConfigMap"]
    assert cluster.names("configmaps") == ["mlflow", "codeset", "object-store"]


def test_the_pull_secret_of_the_namespace_itself_is_used_as_it_is(tmp_path):
    cluster = SharedCluster()
    with stack_on(cluster, tmp_path, namespace=NAMESPACE, pull_secret=f"{NAMESPACE}/registry") as stack:
        stack.create_mlflow()
    (deployment,) = made(cluster, "Deployment")
    assert deployment["spec"]["template"]["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    assert made(cluster, "Secret") == []


def test_a_mesh_of_the_namespace_is_said_and_left_out_of_the_runs_pods(tmp_path):
    cluster = SharedCluster()
    cluster.objects["/api/v1/namespaces"][NAMESPACE]["metadata"]["labels"] = {"istio-injection": "enabled"}
    with stack_on(cluster, tmp_path, namespace=NAMESPACE) as stack:
        stack.create_mlflow()
        assert stack.facts().versions["Istio"] == "its sidecars are left out of the run's pods"
    (deployment,) = made(cluster, "Deployment")
    assert deployment["spec"]["template"]["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"


class Injecting(SharedCluster):
    """A webhook of its puts a container into every pod that it is shown."""

    def try_out(self, path, body):
        if path.endswith("/pods"):
            body["spec"]["containers"].append({"name": "mesh-proxy", "image": "mesh"})
        return body


def test_pods_that_would_never_end_for_a_container_of_somebody_elses_are_named_before_the_training(tmp_path):
    with stack_on(Injecting(), tmp_path, namespace=NAMESPACE) as stack:
        problem = problem_of(lambda: stack.look_ahead({Part("training")}))
    assert "get the container mesh-proxy by an admission webhook, and would never end" in str(problem)
    assert "Job training-cpu" in str(problem)


@pytest.mark.parametrize(
    ("forbidden", "named"),
    [
        ((), None),
        (
            ("list nodes", "list networkpolicies.networking.k8s.io"),
            "nodes, network policies: this account may not look",
        ),
        (("get namespaces", "list resourcequotas"), "quotas, the namespace's labels: this account may not look"),
    ],
)
def test_what_the_account_may_not_look_at_is_said_to_be_unchecked(tmp_path, forbidden, named):
    with stack_on(SharedCluster(forbidden=forbidden), tmp_path, namespace=NAMESPACE) as stack:
        assert stack.facts().versions.get("not checked") == named
