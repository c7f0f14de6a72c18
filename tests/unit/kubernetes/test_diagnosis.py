"""The diagnosis on recorded states: each cause is named, is final when waiting can't help, and not before."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes.client import ApiClient, ApiException

from acceptance.errors import AcceptanceError
from acceptance.kubernetes import diagnosis
from acceptance.kubernetes.diagnosis import Trouble, owner_trouble, trouble_of
from acceptance.kubernetes.gpu_diagnosis import gpu_reason
from acceptance.kubernetes.gpu_nodes import choose
from acceptance.kubernetes.view import GPU, LiveCluster
from acceptance.stacks.kubernetes import gpu_of

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
UID = "7d4f1f0e-6b5c-4a37-9a0f-3f1f8f3a7c11"


def before(seconds: float) -> str:
    """Return the time so many seconds ago as the API server writes it."""
    return (NOW - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def read(kind: str, recorded: dict[str, Any]) -> Any:
    """Make a model of the API server's JSON, as the client does."""
    return ApiClient()._ApiClient__deserialize(recorded, kind)  # type: ignore[attr-defined]


def a_pod(
    status: dict[str, Any] | None = None,
    *,
    name: str = "web",
    requests: dict[str, str] | None = None,
    image: str = "registry.example/web:1",
    metadata: dict[str, Any] | None = None,
    **spec: Any,
) -> Any:
    resources = {"requests": requests or {}, "limits": {"memory": "64Mi"}}
    body = {"restartPolicy": "Always", "containers": [{"name": "main", "image": image, "resources": resources}]}
    about = {"name": name, "namespace": "run", "uid": UID, "creationTimestamp": before(60)}
    return read(
        "V1Pod",
        {"metadata": about | (metadata or {}), "spec": body | spec, "status": {"phase": "Pending"} | (status or {})},
    )


def container(state: dict[str, Any], last: dict[str, Any] | None = None, restarts: int = 0, **more: Any) -> Any:
    about = {"name": "main", "image": "registry.example/web:1", "imageID": "", "ready": False}
    return about | {"restartCount": restarts, "state": state, "lastState": last or {}} | more


def waits(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    """Return a pod's status whose container waits."""
    return {"containerStatuses": [container({"waiting": {"reason": reason, "message": message}}, **more)]}


def ended(code: int, reason: str = "Error", message: str = "") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


def unschedulable(message: str, seconds: float = 25, **spec: Any) -> Any:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return a_pod({"conditions": [condition | {"lastTransitionTime": before(seconds)}]}, **spec)


def an_event(reason: str, message: str, *, first: float = 30, last: float = 1, kind: str = "Pod", **about: str) -> Any:
    what = {"kind": kind, "name": "web", "namespace": "run"} | ({"uid": UID} if kind == "Pod" else {}) | about
    return read(
        "CoreV1Event",
        {
            "metadata": {"name": f"{what['name']}.1", "namespace": "run"},
            "involvedObject": what,
            "reason": reason,
            "message": message,
            "firstTimestamp": before(first),
            "lastTimestamp": before(last),
        },
    )


def a_node(
    name: str = "n1", labels: dict[str, str] | None = None, taints: Any = (), conditions: Any = (), **resources: str
) -> Any:
    """Make a node; a resource's value is its amount, or `capacity/allocatable`."""
    amounts = {"cpu": "2", "memory": "4Gi", "pods": "110"} | resources
    amounts = {name.replace("gpu", GPU): value for name, value in amounts.items()}
    ready = {"type": "Ready", "status": "True", "message": "kubelet is posting ready status"}
    return read(
        "V1Node",
        {
            "metadata": {"name": name, "labels": labels or {}},
            "spec": {"taints": list(taints)},
            "status": {
                "capacity": {name: value.split("/")[0] for name, value in amounts.items()},
                "allocatable": {name: value.split("/")[-1] for name, value in amounts.items()},
                "conditions": list(conditions) or [ready],
            },
        },
    )


def a_resident(name: str, node: str = "n1", phase: str = "Running", **requests: str) -> Any:
    wanted = {name.replace("gpu", GPU): value for name, value in requests.items()}
    return a_pod({"phase": phase}, name=name, nodeName=node, requests=wanted)


class Recorded:
    """A ClusterView of what a test gives it; notes what it was asked for."""

    def __init__(
        self, nodes: Sequence[Any] = (), pods: Sequence[Any] = (), log: str = "", phase: str = "Active"
    ) -> None:
        self.answers = {"nodes": list(nodes), "pods": list(pods)}
        self.text, self.phase, self.asked = log, phase, list[Any]()

    def nodes(self) -> list[Any]:
        self.asked.append("nodes")
        return self.answers["nodes"]

    def pods(self) -> list[Any]:
        self.asked.append("pods")
        return self.answers["pods"]

    def namespace(self, name: str) -> Any:
        return a_namespace(self.phase)

    def log(self, namespace: str, pod: str, container: str, previous: bool, lines: int) -> str:
        self.asked.append((namespace, pod, container, previous))
        return self.text


class Refused(Recorded):
    """An account that may only look into its own namespace."""

    def nodes(self) -> list[Any]:
        raise AcceptanceError("the cluster doesn't let this account list nodes (403 Forbidden)")

    pods = nodes


def a_namespace(phase: str, *conditions: dict[str, str]) -> Any:
    return read(
        "V1Namespace", {"metadata": {"name": "run"}, "status": {"phase": phase, "conditions": list(conditions)}}
    )


def seen(pod: Any, *events: Any, cluster: Any = None) -> Trouble:
    """Return the pod's trouble, which there must be."""
    trouble = trouble_of(pod, events, cluster or Recorded([a_node()]), NOW)
    assert trouble, "no trouble was found"
    return trouble


def final(pod: Any, *events: Any, cluster: Any = None) -> str:
    trouble = seen(pod, *events, cluster=cluster)
    assert trouble.final, trouble.text
    assert trouble.text.startswith("pod run/web: ")
    return trouble.text


# --- nothing is wrong


@pytest.mark.parametrize(
    "status",
    [
        {"phase": "Pending"},
        {"phase": "Succeeded", "containerStatuses": [container(ended(0, "Completed"))]},
        {"phase": "Running", "containerStatuses": [container({"running": {}}, ready=True)]},
        {"phase": "Running", "containerStatuses": [container({"running": {}}, ended(1), restarts=1, ready=True)]},
        waits("ContainerCreating"),
        {"initContainerStatuses": [container({"running": {}}, name="prepare")]} | waits("PodInitializing"),
    ],
)
def test_a_pod_that_is_well_or_on_its_way_has_no_trouble(status):
    assert trouble_of(a_pod(status, nodeName="n1"), [], Recorded([a_node()]), NOW) is None


def test_a_pod_on_its_way_costs_no_request():
    cluster = Recorded()
    fresh = a_pod(waits("ContainerCreating"), metadata={"creationTimestamp": before(2)}, nodeName="n1")
    assert trouble_of(fresh, [], cluster, NOW) is None
    assert cluster.asked == []


# --- images


@pytest.mark.parametrize("reason", ["ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"])
def test_an_image_that_cannot_be_had(reason):
    text = final(a_pod(waits(reason, "lookup registry.example: no such host")))
    assert f"registry.example/web:1 ({reason})" in text and "no such host" in text
    assert "`--images FILE` names another image, `make images` builds ours" in text


def test_a_first_failure_to_pull_is_worth_waiting_unless_the_registry_says_no():
    assert not seen(a_pod(waits("ErrImagePull", "connection reset by peer"))).final
    for words in ("manifest unknown", "401 Unauthorized", "pull access denied", "registry.example/web:1: not found"):
        assert words in final(a_pod(waits("ErrImagePull", words)))


def test_the_back_off_is_told_in_the_registrys_words():
    pull = an_event("Failed", 'Failed to pull image "registry.example/web:1": 503 Service Unavailable')
    text = final(a_pod(waits("ImagePullBackOff", 'Back-off pulling image "registry.example/web:1"')), pull)
    assert "503 Service Unavailable" in text


# --- containers that die


def test_a_crash_loop_has_the_exit_code_and_the_previous_log():
    cluster = Recorded(log="loading model\nmodel.onnx is truncated\n")
    text = final(a_pod(waits("CrashLoopBackOff", last=ended(3), restarts=2)), cluster=cluster)
    assert "container main exited with 3 (Error), after 2 restarts, and is in CrashLoopBackOff" in text
    assert "    loading model\n    model.onnx is truncated" in text
    assert "kubectl logs web -n run -c main --previous" in text
    assert cluster.asked == [("run", "web", "main", True)]


def test_a_first_crash_is_worth_waiting():
    again = {"phase": "Running", "containerStatuses": [container({"running": {}}, ended(1), restarts=1)]}
    assert not seen(a_pod(again)).final
    assert not seen(a_pod({"containerStatuses": [container(ended(1))]})).final


def test_an_init_container_is_named():
    init = container({"waiting": {"reason": "CrashLoopBackOff"}}, ended(4), 1, name="prepare")
    assert "container prepare exited with 4" in final(
        a_pod({"initContainerStatuses": [init]} | waits("PodInitializing"))
    )


def test_the_final_one_of_two_failing_containers_is_told():
    first = container({"waiting": {"reason": "ErrImagePull", "message": "connection reset"}}, name="first")
    second = container({"waiting": {"reason": "CrashLoopBackOff"}}, ended(5), 2, name="second")
    assert "container second exited with 5" in final(a_pod({"containerStatuses": [first, second]}))


def test_a_pod_that_runs_once_fails_with_signal_termination_message_and_log():
    status = {"phase": "Failed", "containerStatuses": [container(ended(139, message="checkpoint lost\n"))]}
    cluster = Recorded(log="epoch 1")
    text = final(a_pod(status, restartPolicy="Never"), cluster=cluster)
    assert "was killed by SIGSEGV (exit code 139, Error); it said: checkpoint lost" in text
    assert "    epoch 1" in text
    assert cluster.asked == [("run", "web", "main", False)]


def test_out_of_memory_names_the_limit_at_the_first_time():
    text = final(a_pod({"containerStatuses": [container(ended(137, "OOMKilled"))]}))
    assert "SIGKILL (exit code 137, OOMKilled): it went over its memory limit of 64Mi" in text
    assert "raise resources.limits.memory" in text


def test_a_liveness_probe_that_ended_the_container_is_named():
    events = [
        an_event("Unhealthy", "Liveness probe failed: connection refused"),
        an_event("Killing", "Container main failed liveness probe, will be restarted"),
    ]
    text = final(a_pod(waits("CrashLoopBackOff", last=ended(137), restarts=3)), *events)
    assert "failed liveness probe" in text and "connection refused" in text


@pytest.mark.parametrize(
    "status",
    [
        {"phase": "Failed", "containerStatuses": [container(ended(128, "StartError", 'exec: "serve": not found'))]},
        waits("CrashLoopBackOff", last=ended(128, "StartError", 'exec: "serve": not found'), restarts=1),
        waits("RunContainerError", 'exec: "serve": not found'),
        waits("CreateContainerError", 'exec: "serve": not found'),
    ],
)
def test_a_command_that_is_not_in_the_image_is_final_at_once(status):
    text = final(a_pod(status))
    assert 'exec: "serve": not found' in text and "correct the pod's command" in text


def test_an_image_whose_cuda_is_too_new_for_the_driver_is_named_with_what_it_asks_for():
    words = "nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.5, please update your driver"
    text = final(a_pod({"phase": "Failed", "containerStatuses": [container(ended(128, "StartError", words))]}))
    assert "the driver is too old for image registry.example/web:1: it asks for cuda>=12.5" in text
    assert "--images FILE" in text and "correct the pod's command" not in text


def test_other_start_errors_get_some_retries():
    words = "context deadline exceeded"
    pod = a_pod(waits("CreateContainerError", words))
    assert not seen(pod, an_event("Failed", f"Error: {words}", first=5)).final
    assert words in final(pod, an_event("Failed", f"Error: {words}", first=25))


# --- what a pod needs and doesn't find


@pytest.mark.parametrize("words", ['configmap "settings" not found', "couldn't find key url in Secret run/keys"])
def test_a_missing_config_map_or_secret_is_final_after_a_grace(words):
    pod = a_pod(waits("CreateContainerConfigError", words))
    assert not seen(pod, an_event("Failed", f"Error: {words}", first=5)).final
    text = final(pod, an_event("Failed", f"Error: {words}", first=11))
    assert words in text and "create it" in text


def test_a_missing_config_map_is_noticed_without_events_too():
    status = {"startTime": before(12)} | waits("CreateContainerConfigError", 'configmap "settings" not found')
    assert "settings" in final(a_pod(status))


@pytest.mark.parametrize(
    ("reason", "message", "grace"),
    [
        ("FailedMount", 'MountVolume.SetUp failed for volume "keys" : secret "keys" not found', 10),
        ("FailedMount", "hostPath type check failed: /data is not a directory", 20),
        ("FailedAttachVolume", "volume is already exclusively attached to one node", 20),
        ("FailedCreatePodSandBox", 'no runtime for "nvidia" is configured', 20),
    ],
)
def test_volumes_and_sandboxes_are_final_after_their_grace(reason, message, grace):
    pod = a_pod(waits("ContainerCreating"))
    assert not seen(pod, an_event(reason, message, first=grace - 1)).final
    text = final(pod, an_event(reason, message, first=grace))
    assert f"{reason}: {message}" in text and "kubectl describe pod web -n run" in text


def test_a_mount_that_worked_in_the_end_is_no_trouble():
    events = [an_event("FailedMount", "timed out", first=40, last=20), an_event("Pulling", "Pulling image", last=10)]
    assert trouble_of(a_pod(waits("ContainerCreating")), events, Recorded(), NOW) is None


def test_events_of_an_earlier_pod_of_that_name_do_not_count():
    old = an_event("FailedMount", 'secret "keys" not found', uid="another")
    assert trouble_of(a_pod(waits("ContainerCreating")), [old], Recorded(), NOW) is None


# --- pods that no node takes


def test_unschedulable_is_final_after_its_grace_and_asks_the_cluster_only_then():
    cluster = Recorded([a_node()])
    early = seen(unschedulable("0/1 nodes are available: 1 Too many pods.", seconds=19), cluster=cluster)
    assert not early.final and "Too many pods" in early.text and cluster.asked == []
    assert "Too many pods" in final(unschedulable("0/1 nodes are available: 1 Too many pods.", seconds=20))


def test_a_short_resource_is_counted_against_what_other_pods_left():
    nodes = [a_node("n1", cpu="4"), a_node("n2", cpu="2")]
    pods = [
        a_resident("a", cpu="3500m"),
        a_resident("b", cpu="1500m", phase="Succeeded"),
        a_resident("c", "n2", cpu="1"),
    ]
    pod = unschedulable("2 Insufficient cpu", requests={"cpu": "1500m", "memory": "1Gi"})
    text = final(pod, cluster=Recorded(nodes, pods))
    assert "cpu is short: the pod asks for 1.5, the most that a node has free is 1 (node n2, 2 allocatable)" in text
    assert "memory is short" not in text


def test_an_init_container_can_be_what_is_too_large():
    init = {"name": "prepare", "resources": {"requests": {"memory": "8Gi"}}}
    text = final(unschedulable("1 Insufficient memory", initContainers=[init]))
    assert "memory is short: the pod asks for 8192Mi, the most that a node has free is 4096Mi" in text


def test_a_sidecar_adds_to_the_containers_and_another_init_container_does_not():
    init = {"name": "prepare", "resources": {"requests": {"cpu": "1500m"}}}
    fits = unschedulable("another cause", requests={"cpu": "1"}, initContainers=[init])
    assert "cpu is short" not in final(fits)
    sidecar = unschedulable(
        "1 Insufficient cpu", requests={"cpu": "1"}, initContainers=[init | {"restartPolicy": "Always"}]
    )
    assert "cpu is short: the pod asks for 2.5" in final(sidecar)


def test_room_and_taints_of_nodes_that_are_out_of_the_question_are_not_told():
    taint = {"key": "dedicated", "effect": "NoSchedule"}
    nodes = [
        a_node("n1", {"zone": "a"}, cpu="2"),
        a_node("n2", {"zone": "a"}, [taint], cpu="64"),
        a_node("n3", {"zone": "b"}, [taint], cpu="64"),
    ]
    text = final(unschedulable("x", requests={"cpu": "8"}, nodeSelector={"zone": "a"}), cluster=Recorded(nodes))
    assert "the most that a node has free is 2 (node n1, 2 allocatable)" in text
    assert "node n2 has the taint dedicated:NoSchedule" in text and "n3" not in text


def test_a_taint_that_is_not_tolerated():
    taints = [
        {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"},
        {"key": "tolerated", "effect": "NoExecute"},
        {"key": "soft", "effect": "PreferNoSchedule"},
    ]
    tolerations = [
        {"key": "tolerated", "operator": "Exists"},
        {"key": "dedicated", "value": "tpu", "operator": "Equal"},
    ]
    pod = unschedulable("1 node(s) had untolerated taint(s)", tolerations=tolerations)
    text = final(pod, cluster=Recorded([a_node(taints=taints)]))
    assert "node n1 has the taint dedicated=gpu:NoSchedule, which the pod doesn't tolerate" in text
    assert "taint tolerated" not in text and "taint soft" not in text


def test_a_cordoned_node():
    node = a_node(taints=[{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}])
    assert "`kubectl uncordon n1`" in final(unschedulable("1 node(s) were unschedulable"), cluster=Recorded([node]))


def test_a_node_selector_that_no_node_matches():
    pod = unschedulable("didn't match Pod's node affinity/selector", nodeSelector={"accelerator": "gpu", "zone": "a"})
    text = final(pod, cluster=Recorded([a_node(labels={"accelerator": "tpu", "zone": "a"})]))
    assert "no node has the label accelerator=gpu of the pod's nodeSelector (nodes have accelerator=tpu)" in text
    assert "kubectl label node NAME accelerator=gpu" in text and "zone=a" not in text


def test_labels_that_no_one_node_has_together():
    pod = unschedulable("didn't match", nodeSelector={"accelerator": "gpu", "zone": "a"})
    nodes = [a_node("n1", labels={"accelerator": "gpu"}), a_node("n2", labels={"zone": "a"})]
    assert "no one node has all labels" in final(pod, cluster=Recorded(nodes))


@pytest.mark.parametrize(
    ("operator", "values", "matches"),
    [
        ("In", ["a", "b"], True),
        ("In", ["c"], False),
        ("NotIn", ["c"], True),
        ("NotIn", ["a"], False),
        ("Exists", None, True),
        ("DoesNotExist", None, False),
        ("Gt", ["1"], False),
    ],
)
def test_a_required_node_affinity(operator, values, matches):
    wanted = {"key": "zone", "operator": operator, "values": values}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [wanted]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    text = final(unschedulable("didn't match", affinity=affinity), cluster=Recorded([a_node(labels={"zone": "a"})]))
    assert ("no node matches the pod's required node affinity: zone " + operator in text) is not matches


def test_a_claim_that_is_missing_or_unbound():
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    pod = unschedulable("pod has unbound immediate PersistentVolumeClaims", volumes=volumes)
    claim: dict[str, Any] = {"kind": "PersistentVolumeClaim", "name": "data"}
    text = final(pod, an_event("FailedBinding", "no storage class is set", **claim))
    assert "claim data: no storage class is set; look at `kubectl get pvc -n run`" in text
    making = an_event("ExternalProvisioning", "waiting for a volume to be created", **claim)
    assert not seen(pod, making).final


def test_an_account_that_may_not_list_nodes_still_gets_the_schedulers_words():
    text = final(unschedulable("1 Insufficient cpu"), cluster=Refused())
    assert "1 Insufficient cpu" in text and "doesn't let this account list nodes" in text


# --- nodes


def pressed(kind: str, message: str, status: str = "True", seconds: float = 60) -> list[dict[str, str]]:
    return [{"type": kind, "status": status, "message": message, "lastTransitionTime": before(seconds)}]


@pytest.mark.parametrize("kind", ["MemoryPressure", "DiskPressure", "PIDPressure"])
def test_node_pressure_keeps_a_pod_away(kind):
    node = a_node(
        conditions=pressed(kind, "kubelet has too little of it"),
        taints=[{"key": "node.kubernetes.io/some-pressure", "effect": "NoSchedule"}],
    )
    text = final(unschedulable("1 node(s) had untolerated taint(s)"), cluster=Recorded([node]))
    assert f"node n1 has {kind}: kubelet has too little of it" in text
    assert "the cluster takes it off when the node is well" in text


def test_node_pressure_evicts_a_pod():
    words = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 61Mi."
    pod = a_pod({"phase": "Failed", "reason": "Evicted", "message": words}, nodeName="n1")
    node = a_node(conditions=pressed("MemoryPressure", "kubelet has insufficient memory available"))
    text = final(pod, cluster=Recorded([node, a_node("n2", conditions=pressed("DiskPressure", "elsewhere"))]))
    assert "Evicted: The node was low on resource: memory" in text
    assert "n1 has MemoryPressure" in text and "elsewhere" not in text and "kubectl describe node n1" in text
    assert "Evicted: The node was low" in final(pod, cluster=Refused())


def test_node_pressure_on_a_pod_that_has_its_node_is_worth_waiting():
    node = a_node(conditions=pressed("DiskPressure", "kubelet has disk pressure"))
    trouble = seen(a_pod(waits("ContainerCreating"), nodeName="n1"), cluster=Recorded([node]))
    assert "DiskPressure" in trouble.text and not trouble.final


def test_a_node_that_is_not_ready():
    pod = a_pod(nodeName="n1")
    words = "Kubelet stopped posting node status."
    late = Recorded([a_node(conditions=pressed("Ready", words, "Unknown"))])
    early = Recorded([a_node(conditions=pressed("Ready", words, "Unknown", seconds=5))])
    assert f"node n1 is NotReady: {words}" in final(pod, cluster=late)
    assert not seen(pod, cluster=early).final
    assert trouble_of(pod, [], Refused(), NOW) is None


def test_a_node_that_is_gone():
    assert "was given to node n9, which doesn't exist" in final(a_pod(nodeName="n9"))


def test_a_device_that_the_kubelet_could_not_give():
    words = "Allocate failed due to no healthy devices present; cannot allocate unhealthy devices nvidia.com/gpu"
    pod = a_pod({"phase": "Failed", "reason": "UnexpectedAdmissionError", "message": words}, nodeName="n1")
    text = final(pod, cluster=Recorded([a_node(gpu="1/0")]))
    assert "UnexpectedAdmissionError: Allocate failed" in text and "but 0 allocatable" in text


# --- namespaces and owners


def test_a_pod_that_goes_with_its_namespace():
    pod = a_pod(metadata={"deletionTimestamp": before(1)})
    text = final(pod, cluster=Recorded(phase="Terminating"))
    assert "namespace run is terminating" in text


def test_a_pod_that_is_deleted_alone():
    target = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "preempted"}
    gone = {"deletionTimestamp": before(1)}
    assert "PreemptionByScheduler: preempted" in final(a_pod({"conditions": [target]}, metadata=gone))
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "1"}
    assert not seen(a_pod(metadata=gone | {"ownerReferences": [owner]})).final


QUOTA = (
    'Error creating: pods "web-6f-x" is forbidden: exceeded quota: small, requested: cpu=1, used: cpu=2, limited: cpu=2'
)
SECURITY = (
    'Error creating: pods "web-6f-x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true'
)


@pytest.mark.parametrize(
    ("message", "fix"),
    [
        (QUOTA, "kubectl describe resourcequota -n run"),
        (SECURITY, "pod-security.kubernetes.io/enforce"),
        ('error looking up service account run/web: serviceaccount "web" not found', "kubectl get serviceaccount"),
        ("Error creating: admission webhook denied the request", "kubectl describe replicaset web-6f -n run"),
    ],
)
def test_a_pod_that_is_refused_before_it_exists(message, fix):
    about: dict[str, Any] = {"kind": "ReplicaSet", "name": "web-6f"}
    trouble = owner_trouble("web", [an_event("FailedCreate", message, **about)], [a_namespace("Active")], NOW)
    assert trouble and trouble.final
    assert message in trouble.text and fix in trouble.text
    early = owner_trouble("web", [an_event("FailedCreate", message, first=3, **about)], [], NOW)
    assert early and not early.final


@pytest.mark.parametrize(
    "about",
    [
        {"kind": "ReplicaSet", "name": "web-db-6f"},
        {"kind": "Deployment", "name": "web-db"},
        {"kind": "Pod", "name": "web"},
    ],
)
def test_the_events_of_others_are_not_an_owners(about):
    assert owner_trouble("web", [an_event("FailedCreate", QUOTA, **about)], [], NOW) is None


def test_an_owner_that_got_its_pods_after_all_has_no_trouble():
    about: dict[str, Any] = {"kind": "Job", "name": "train"}
    events = [
        an_event("SuccessfulCreate", "Created pod", last=1, **about),
        an_event("FailedCreate", QUOTA, last=9, **about),
    ]
    assert owner_trouble("train", events, [a_namespace("Active")], NOW) is None


def test_a_job_that_gave_up():
    gave_up = an_event("BackoffLimitExceeded", "Job has reached the specified backoff limit", kind="Job", name="train")
    trouble = owner_trouble("train", [gave_up], [], NOW)
    assert trouble and trouble.final and "kubectl get pods -n run -l job-name=train" in trouble.text


def test_a_terminating_namespace_says_what_it_waits_for():
    remaining = {"type": "NamespaceFinalizersRemaining", "status": "True", "message": "hold in 1 resource instances"}
    trouble = owner_trouble("web", [], [a_namespace("Terminating", remaining)], NOW)
    assert trouble and trouble.final and "is terminating (hold in 1 resource instances)" in trouble.text


# --- GPUs

WANTS_GPU = {GPU: "1"}
NO_GPU = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."


def plugin(
    status: dict[str, Any] | None = None, name: str = "nvidia-device-plugin-daemonset-x7k2p", **more: Any
) -> Any:
    running = {"phase": "Running", "containerStatuses": [container({"running": {}}, ready=True)]}
    return a_pod(status or running, name=name, nodeName="n1", **more)


def test_no_node_advertises_a_gpu_and_there_is_no_device_plugin():
    cluster = Recorded([a_node()], [a_resident("web-2")])
    text = final(unschedulable(NO_GPU, requests=WANTS_GPU), cluster=cluster)
    assert NO_GPU in text and "no node advertises nvidia.com/gpu" in text
    assert "no namespace has a pod of the NVIDIA device plugin" in text
    assert "DaemonSet" in text and "`kubectl label node NAME accelerator=gpu`" in text
    assert "(no node has accelerator=gpu)" in text


def test_the_nodes_that_are_labelled_already_are_named():
    assert "(nodes with accelerator=gpu: n1)" in gpu_reason(Recorded([a_node(labels={"accelerator": "gpu"})]))


@pytest.mark.parametrize(
    "found",
    [
        plugin(),
        plugin(name="plugin-x", metadata={"labels": {"app": "nvidia-device-plugin-daemonset"}}),
        plugin(name="plugin-x", image="registry.example/nvidia/k8s-device-plugin:v0.18.0"),
        plugin(name="nvidia-gpu-device-plugin-small-cos-abc"),
    ],
)
def test_the_device_plugin_is_found_by_name_label_or_image_and_its_log_shown(found):
    cluster = Recorded([a_node()], [found], log="No devices found. Waiting indefinitely.")
    reason = gpu_reason(cluster)
    assert f"look at the device plugin: run/{found.metadata.name} on node n1, phase Running" in reason
    assert "    No devices found. Waiting indefinitely." in reason


def test_the_plugins_companions_are_not_the_plugin():
    companion = plugin(name="gpu-feature-discovery-x", image="nvcr.io/nvidia/k8s-device-plugin:v0.18.0")
    assert "no namespace has a pod" in gpu_reason(Recorded([a_node()], [companion]))


def test_a_device_plugin_that_crashes_shows_its_previous_log():
    status = {"phase": "Running"} | waits("CrashLoopBackOff", "back-off 5m0s", last=ended(1), restarts=9)
    cluster = Recorded([a_node()], [plugin(status)], log="failed to initialize NVML: driver not loaded")
    reason = gpu_reason(cluster)
    assert "container main waits: CrashLoopBackOff: back-off 5m0s" in reason and "driver not loaded" in reason
    assert cluster.asked[-1][-1] is True


def test_a_gpu_under_another_name_is_pointed_out():
    other: dict[str, Any] = {"nvidia.com/mig-1g.5gb": "7"}
    node = a_node(**other)
    assert "no node advertises nvidia.com/gpu (but nvidia.com/mig-1g.5gb" in gpu_reason(Recorded([node]))


def test_a_node_that_had_a_gpu_once_is_said_to_advertise_none():
    reason = gpu_reason(Recorded([a_node(gpu="0")]))
    assert reason.startswith("no node advertises nvidia.com/gpu; no namespace has a pod of the NVIDIA device plugin")


def test_a_gpu_in_capacity_that_is_not_allocatable():
    cluster = Recorded([a_node(gpu="2/0")], [plugin()], log="marking device GPU-1f as unhealthy: Xid 79")
    for text in (gpu_reason(cluster), final(unschedulable(NO_GPU, requests=WANTS_GPU), cluster=cluster)):
        assert "node n1 has nvidia.com/gpu 2 in its capacity but 0 allocatable: a device is unhealthy" in text
        assert "marking device GPU-1f as unhealthy: Xid 79" in text


def test_all_gpus_are_taken_and_by_whom():
    nodes = [a_node("n1", gpu="2"), a_node("n2", gpu="2/1"), a_node("n3")]
    pods = [a_resident("a", gpu="2"), a_resident("b", "n2", gpu="1"), a_resident("done", "n2", "Succeeded", gpu="1")]
    text = final(unschedulable(NO_GPU, requests=WANTS_GPU), cluster=Recorded(nodes, pods))
    assert "node n1 has 2, 0 free: taken by run/a (2)" in text
    assert "node n2 has 1 of 2 (`kubectl describe node n2`), 0 free: taken by run/b (1)" in text
    assert "run/done" not in text and "n3" not in text
    assert gpu_reason(Recorded(nodes, pods)) == ""


def test_more_gpus_than_a_node_has():
    text = final(unschedulable(NO_GPU, requests={GPU: "4"}), cluster=Recorded([a_node(gpu="1")]))
    assert "the pod asks for 4; node n1 has 1, 1 free: none taken" in text


def test_a_pod_that_is_kept_to_one_node_is_told_of_that_node():
    nodes = [a_node("n1", gpu="1"), a_node("n2", gpu="1")]
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}
    pod = unschedulable(NO_GPU, requests=WANTS_GPU, affinity=affinity)
    text = final(pod, cluster=Recorded(nodes, [a_resident("greedy", gpu="1")]))
    assert "node n1 has 1, 0 free: taken by run/greedy (1)" in text and "n2" not in text
    gone = final(pod, cluster=Recorded(nodes[1:]))
    assert "no node matches the pod's required node affinity: metadata.name In ['n1']" in gone


def test_a_gpu_on_a_node_that_the_pod_may_not_go_to():
    nodes = [a_node("n1", labels={"accelerator": "gpu"}), a_node("n2", gpu="1")]
    pod = unschedulable(NO_GPU, requests=WANTS_GPU, nodeSelector={"accelerator": "gpu"})
    assert "no node that the pod may go to has nvidia.com/gpu, only n2" in final(pod, cluster=Recorded(nodes))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (
            {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB", "nvidia.com/cuda.driver-version.full": "550.107.02"},
            ("NVIDIA-A100-SXM4-40GB", "550.107.02"),
        ),
        (
            {
                f"nvidia.com/cuda.driver.{part}": value
                for part, value in (("major", "535"), ("minor", "54"), ("rev", "03"))
            },
            ("NVIDIA GPU of node n1", "535.54.03"),
        ),
        ({}, ("NVIDIA GPU of node n1", "unknown (node n1 lacks gpu-feature-discovery's labels)")),
    ],
)
def test_the_gpus_name_and_driver(labels, expected):
    gpu = gpu_of(choose(Recorded([a_node("n0"), a_node("n1", labels, gpu="1")])))
    assert (gpu.name, gpu.driver) == expected


# --- the real cluster's view


def test_a_list_that_is_refused_says_what_and_how_to_get_it():
    def refuse(**options):
        raise ApiException(status=403, reason="Forbidden")

    core: Any = SimpleNamespace(list_node=refuse, read_namespaced_pod_log=lambda *_, **__: refuse())
    with pytest.raises(AcceptanceError, match=r"list nodes \(403 Forbidden\); use a kubeconfig that may"):
        LiveCluster(core).nodes()
    assert LiveCluster(core).log("run", "web", "main", False, 8) == ""


def test_a_log_that_is_not_text_is_shown_all_the_same():
    core: Any = SimpleNamespace(read_namespaced_pod_log=lambda *_, **__: SimpleNamespace(data=b"epoch \xff\n"))
    assert LiveCluster(core).log("run", "web", "main", False, 8) == "epoch \ufffd\n"


def test_every_grace_leaves_time_to_say_so_within_30_seconds():
    graces = [value for name, value in vars(diagnosis).items() if name.endswith("_GRACE")]
    assert len(graces) == 5 and max(graces) <= timedelta(seconds=20)
