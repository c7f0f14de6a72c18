"""The diagnosis on recorded states: each cause is named, is final when waiting can't help, and not before."""

from datetime import timedelta
from typing import Any

import pytest
from kubernetes.client import CoreV1Api

from acceptance.errors import AcceptanceError
from acceptance.gpu.node import GPU_RESOURCE as GPU
from acceptance.kubernetes import container_diagnosis, diagnosis, owner_diagnosis
from acceptance.kubernetes.diagnosis import diagnose
from acceptance.kubernetes.facts import Diagnosis
from acceptance.kubernetes.gpu_diagnosis import LOG_LINES, no_gpu
from acceptance.kubernetes.gpu_nodes import choose, gpu_of
from acceptance.kubernetes.owner_diagnosis import diagnose_owner
from acceptance.kubernetes.view import LiveCluster
from tests.unit.kubernetes.api_server import cluster_of
from tests.unit.kubernetes.recorded import (
    NOW,
    Recorded,
    Refused,
    a_namespace,
    a_node,
    a_pod,
    a_resident,
    an_event,
    before,
    container,
    ended,
    plugin,
    unschedulable,
    waits,
)
from tests.unit.problems import assert_problem

LOG = "/api/v1/namespaces/run/pods/web/log"


def seen(pod: Any, *events: Any, cluster: Any = None) -> Diagnosis:
    """Return the pod's diagnosis, which there must be."""
    found = diagnose(pod, events, cluster or Recorded([a_node()]), NOW)
    assert found, "nothing was found to be wrong"
    return found


def final(pod: Any, *events: Any, cluster: Any = None) -> str:
    found = seen(pod, *events, cluster=cluster)
    assert found.final, found.text
    assert found.text.startswith("pod run/web: ")
    return found.text


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
def test_a_pod_that_is_well_or_on_its_way_has_no_diagnosis(status):
    assert diagnose(a_pod(status, nodeName="n1"), [], Recorded([a_node()]), NOW) is None


def test_a_pod_on_its_way_costs_no_request():
    cluster = Recorded()
    fresh = a_pod(waits("ContainerCreating"), metadata={"creationTimestamp": before(2)}, nodeName="n1")
    assert diagnose(fresh, [], cluster, NOW) is None
    assert cluster.asked == []


# --- images


@pytest.mark.parametrize("reason", ["ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"])
def test_an_image_that_cannot_be_had(reason):
    text = final(a_pod(waits(reason, "lookup registry.example: no such host")))
    assert f"registry.example/web:1 ({reason})" in text and "no such host" in text
    assert "`--images FILE`" in text and "`make images`" in text


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
    assert "; its last error: model.onnx is truncated; the end of its log" in text
    assert "    loading model\n    model.onnx is truncated" in text
    assert "kubectl logs web -n run -c main --previous" in text
    assert cluster.asked == [("run", "web", "main", True)]


def test_the_error_of_a_container_comes_before_the_lines_that_follow_it():
    log = "E1126 02:00:03.1 7 a.cc:6] no backend onnxruntime\n" + "I1126 02:00:03.2 7 a.cc:7] unloading\n" * 20
    text = final(a_pod(waits("CrashLoopBackOff", last=ended(1), restarts=2)), cluster=Recorded(log=log))
    assert "its last error: no backend onnxruntime;" in text.splitlines()[0]
    assert text.count("unloading") == LOG_LINES


def test_a_container_that_was_killed_has_no_error_of_its_own():
    text = final(a_pod({"containerStatuses": [container(ended(137, "OOMKilled"))]}), cluster=Recorded(log="epoch 1"))
    assert "its last error" not in text


def test_a_first_crash_is_worth_waiting():
    again = {"phase": "Running", "containerStatuses": [container({"running": {}}, ended(1), restarts=1)]}
    assert not seen(a_pod(again)).final
    assert not seen(a_pod({"containerStatuses": [container(ended(1))]})).final
    assert not seen(a_pod({"containerStatuses": [container(ended(1), restarts=1)]})).final


def test_a_third_crash_is_a_loop_whatever_the_kubelet_calls_it():
    text = final(a_pod({"containerStatuses": [container(ended(3), restarts=2)]}))
    assert "container main exited with 3 (Error), after 2 restarts" in text
    assert "CrashLoopBackOff" not in text
    again = {"phase": "Running", "containerStatuses": [container({"running": {}}, ended(1), restarts=2)]}
    assert not seen(a_pod(again)).final


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
    assert "too old for image registry.example/web:1: it asks for cuda>=12.5" in text
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


def test_a_mount_that_worked_in_the_end_is_no_cause():
    events = [an_event("FailedMount", "timed out", first=40, last=20), an_event("Pulling", "Pulling image", last=10)]
    assert diagnose(a_pod(waits("ContainerCreating")), events, Recorded(), NOW) is None


def test_events_of_an_earlier_pod_of_that_name_do_not_count():
    old = an_event("FailedMount", 'secret "keys" not found', uid="another")
    assert diagnose(a_pod(waits("ContainerCreating")), [old], Recorded(), NOW) is None


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
    for fact in ("cpu is short", "asks for 1.5", "free is 1 (node n2, 2 allocatable)"):
        assert fact in text
    assert "memory is short" not in text


def test_an_init_container_can_be_what_is_too_large():
    init = {"name": "prepare", "resources": {"requests": {"memory": "8Gi"}}}
    text = final(unschedulable("1 Insufficient memory", initContainers=[init]))
    for fact in ("memory is short", "asks for 8192Mi", "free is 4096Mi"):
        assert fact in text


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
    assert "free is 2 (node n1, 2 allocatable)" in text
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
    assert "the cluster takes it off" in text


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
    found = seen(a_pod(waits("ContainerCreating"), nodeName="n1"), cluster=Recorded([node]))
    assert "DiskPressure" in found.text and not found.final


def test_a_node_that_is_not_ready():
    pod = a_pod(nodeName="n1")
    words = "Kubelet stopped posting node status."
    late = Recorded([a_node(conditions=pressed("Ready", words, "Unknown"))])
    early = Recorded([a_node(conditions=pressed("Ready", words, "Unknown", seconds=5))])
    assert f"node n1 is NotReady: {words}" in final(pod, cluster=late)
    assert not seen(pod, cluster=early).final
    assert diagnose(pod, [], Refused(), NOW) is None


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
    found = diagnose_owner("web", [an_event("FailedCreate", message, **about)], [a_namespace("Active")], NOW)
    assert found and found.final
    assert message in found.text and fix in found.text
    early = diagnose_owner("web", [an_event("FailedCreate", message, first=3, **about)], [], NOW)
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
    assert diagnose_owner("web", [an_event("FailedCreate", QUOTA, **about)], [], NOW) is None


def test_an_owner_that_got_its_pods_after_all_has_no_diagnosis():
    about: dict[str, Any] = {"kind": "Job", "name": "train"}
    events = [
        an_event("SuccessfulCreate", "Created pod", last=1, **about),
        an_event("FailedCreate", QUOTA, last=9, **about),
    ]
    assert diagnose_owner("train", events, [a_namespace("Active")], NOW) is None


def test_a_job_that_gave_up():
    gave_up = an_event("BackoffLimitExceeded", "Job has reached the specified backoff limit", kind="Job", name="train")
    found = diagnose_owner("train", [gave_up], [], NOW)
    assert found and found.final and "kubectl get pods -n run -l job-name=train" in found.text


def test_a_terminating_namespace_says_what_it_waits_for():
    remaining = {"type": "NamespaceFinalizersRemaining", "status": "True", "message": "hold in 1 resource instances"}
    found = diagnose_owner("web", [], [a_namespace("Terminating", remaining)], NOW)
    assert found and found.final and "is terminating (hold in 1 resource instances)" in found.text


# --- GPUs

WANTS_GPU = {GPU: "1"}
NO_GPU = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."


def test_no_node_advertises_a_gpu_and_there_is_no_device_plugin():
    cluster = Recorded([a_node()], [a_resident("web-2")])
    text = final(unschedulable(NO_GPU, requests=WANTS_GPU), cluster=cluster)
    assert NO_GPU in text and "no node advertises nvidia.com/gpu" in text
    assert "no namespace" in text and "NVIDIA device plugin" in text
    assert "DaemonSet" in text and "`kubectl label node NAME accelerator=gpu`" in text
    assert "(no node has accelerator=gpu)" in text


def test_the_nodes_that_are_labelled_already_are_named():
    problem = no_gpu(Recorded([a_node(labels={"accelerator": "gpu"})]))
    assert_problem(problem, "(nodes with accelerator=gpu: n1)")


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
    assert_problem(
        no_gpu(cluster),
        "look at the device plugin",
        f"run/{found.metadata.name} on node n1, phase Running",
        "    No devices found. Waiting indefinitely.",
    )


def test_the_plugins_companions_are_not_the_plugin():
    companion = plugin(name="gpu-feature-discovery-x", image="nvcr.io/nvidia/k8s-device-plugin:v0.18.0")
    assert_problem(no_gpu(Recorded([a_node()], [companion])), "no namespace has a pod")


def test_a_device_plugin_that_crashes_shows_its_previous_log():
    status = {"phase": "Running"} | waits("CrashLoopBackOff", "back-off 5m0s", last=ended(1), restarts=9)
    cluster = Recorded([a_node()], [plugin(status)], log="failed to initialize NVML: driver not loaded")
    words = ("container main waits: CrashLoopBackOff: back-off 5m0s", "driver not loaded")
    assert_problem(no_gpu(cluster), *words)
    assert cluster.asked[-1][-1] is True


def test_a_gpu_under_another_name_is_pointed_out():
    other: dict[str, Any] = {"nvidia.com/mig-1g.5gb": "7"}
    node = a_node(**other)
    assert_problem(no_gpu(Recorded([node])), "no node advertises nvidia.com/gpu (but nvidia.com/mig-1g.5gb")


def test_another_name_by_which_a_node_had_gpus_once_is_not_pointed_out():
    once: dict[str, Any] = {"nvidia.com/mig-1g.5gb": "0"}
    problem = no_gpu(Recorded([a_node(**once)]))
    assert problem and "mig" not in str(problem)


def test_a_node_that_had_a_gpu_once_is_said_to_advertise_none():
    problem = no_gpu(Recorded([a_node(gpu="0")]))
    assert_problem(problem, "no node advertises nvidia.com/gpu", "no namespace", "NVIDIA device plugin")


def test_a_gpu_in_capacity_that_is_not_allocatable():
    cluster = Recorded([a_node(gpu="2/0")], [plugin()], log="marking device GPU-1f as unhealthy: Xid 79")
    for text in (str(no_gpu(cluster)), final(unschedulable(NO_GPU, requests=WANTS_GPU), cluster=cluster)):
        assert "node n1 has nvidia.com/gpu 2 in its capacity but 0 allocatable: a device is unhealthy" in text
        assert "marking device GPU-1f as unhealthy: Xid 79" in text


def test_all_gpus_are_taken_and_by_whom():
    nodes = [a_node("n1", gpu="2"), a_node("n2", gpu="2/1"), a_node("n3")]
    pods = [a_resident("a", gpu="2"), a_resident("b", "n2", gpu="1"), a_resident("done", "n2", "Succeeded", gpu="1")]
    text = final(unschedulable(NO_GPU, requests=WANTS_GPU), cluster=Recorded(nodes, pods))
    assert "node n1 has 2, 0 free: taken by run/a (2)" in text
    assert "node n2 has 1 of 2 (`kubectl describe node n2`), 0 free: taken by run/b (1)" in text
    assert "run/done" not in text and "n3" not in text
    assert_problem(no_gpu(Recorded(nodes, pods)))


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
    assert "has nvidia.com/gpu, only n2" in final(pod, cluster=Recorded(nodes))


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


@pytest.fixture
def live(tmp_path, api_server):
    return LiveCluster(CoreV1Api(cluster_of(tmp_path, api_server.address).api()))


def test_a_list_that_is_refused_says_what_and_how_to_get_it(live, api_server):
    api_server.answers["/api/v1/nodes"] = (403, {"message": "nodes is forbidden"})
    with pytest.raises(AcceptanceError, match=r"list nodes \(403 Forbidden\); use a kubeconfig that may"):
        live.nodes()


def test_a_log_that_is_refused_is_empty(live, api_server):
    api_server.answers[LOG] = (403, {"message": "pods/log is forbidden"})
    assert live.log("run", "web", "main", False, 8) == ""
    assert api_server.asked == [LOG]


def test_a_log_that_is_not_text_is_shown_all_the_same(live, api_server):
    api_server.answers[LOG] = (200, [b"epoch \xff\n"])
    assert live.log("run", "web", "main", False, 8) == "epoch \ufffd\n"


REMOVED = b'failed to try resolving symlinks in path "/var/log/pods/run_web/main/1.log": no such file or directory'


@pytest.mark.parametrize(("answers", "shown"), [([REMOVED, b"epoch 1\n"], "epoch 1\n"), ([REMOVED, REMOVED], "")])
def test_a_log_that_the_kubelet_has_removed_meanwhile_gives_way_to_the_one_after_it(live, api_server, answers, shown):
    left = iter(answers)
    api_server.answers[LOG] = lambda: (200, [next(left)])
    assert live.log("run", "web", "main", True, 8) == shown


def test_every_grace_leaves_time_to_say_so_within_30_seconds():
    modules = (diagnosis, container_diagnosis, owner_diagnosis)
    graces = {name: value for module in modules for name, value in vars(module).items() if name.endswith("_GRACE")}
    assert len(graces) == 5 and max(graces.values()) <= timedelta(seconds=20)
