"""The diagnosis on a real Kubernetes: each state is made in a namespace of its own, and must be named in time."""

import datetime
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kubernetes import client

from acceptance.kubernetes.view import GPU
from acceptance.waiting import Ready, wait_until
from tests.cluster.room import IMAGE, IN_TIME, SLEEPS, Room, asks_for_gpu

pytestmark = pytest.mark.cluster


@pytest.fixture
def spare_node(api: client.ApiClient) -> Iterator[Callable[..., str]]:
    """Make nodes that no kubelet runs; their taint keeps everybody else's pods away."""
    core: Any = client.CoreV1Api(api)
    made: list[str] = []

    def make(ready: bool = True, **status: Any) -> str:
        name = f"spare-{uuid.uuid4().hex[:8]}"
        taints = [{"key": "spare", "value": name, "effect": "NoSchedule"}]
        core.create_node({"metadata": {"name": name, "labels": {"spare": name}}, "spec": {"taints": taints}})
        made.append(name)
        now = datetime.datetime.now(datetime.UTC).isoformat()
        times = {"lastHeartbeatTime": now, "lastTransitionTime": now}
        word = {
            "type": "Ready",
            "status": str(ready),
            "reason": "Test",
            "message": "kubelet stopped" * (not ready),
        } | times
        room = {"cpu": "4", "memory": "4Gi", "pods": "10"}
        conditions = [word, *({"status": "True"} | times | more for more in status.pop("conditions", []))]
        core.patch_node_status(
            name, {"status": {"capacity": room, "allocatable": room, "conditions": conditions} | status}
        )
        return name

    yield make
    for name in made:
        core.delete_node(name)


def has_taint(room: Room, node: str, part: str) -> Ready[None] | str:
    keys = [taint.key for taint in room.core.read_node(node).spec.taints]
    return Ready(None) if any(part in key for key in keys) else f"it has {keys}"


def only_on(node: str) -> dict[str, Any]:
    """Return the part of a pod's spec that ties it to a spare node."""
    return {"nodeSelector": {"spare": node}, "tolerations": [{"key": "spare", "operator": "Exists"}]}


# --- images


def test_an_image_that_no_registry_has(room):
    room.run(container={"image": "registry.invalid/no-such-model:1", "imagePullPolicy": "IfNotPresent"})
    text = room.final_text()
    assert "registry.invalid/no-such-model:1" in text
    assert "ImagePull" in text and "--images FILE" in text


def test_an_image_that_must_not_be_pulled(room):
    room.run(container={"image": "lab.local/never-loaded:1"})
    text = room.final_text()
    assert "ErrImageNeverPull" in text and "lab.local/never-loaded:1" in text


def test_an_image_name_that_is_none(room):
    room.run(container={"image": "UPPER case"})
    text = room.final_text()
    assert "InvalidImageName" in text and "UPPER case" in text


# --- containers that die


def test_a_crash_loop_shows_the_last_lines(room):
    room.run(["sh", "-c", "echo model.onnx is truncated; exit 3"], restartPolicy="Always")
    text = room.final_text()
    assert "container main exited with 3" in text and "CrashLoopBackOff" in text
    assert "model.onnx is truncated" in text


def test_a_crash_loop_of_an_init_container(room):
    init = {"name": "prepare", "image": IMAGE, "command": ["sh", "-c", "echo no bucket; exit 4"]}
    room.run(restartPolicy="Always", initContainers=[init])
    text = room.final_text()
    assert "container prepare exited with 4" in text and "no bucket" in text


def test_a_pod_that_runs_once_and_fails(room):
    # a container's first process is spared by kill, not by a real fault
    fault = 'exec python3 -c "import ctypes; ctypes.string_at(0)"'
    room.run(["sh", "-c", f"echo epoch 1; echo disk full > /dev/termination-log; {fault}"])
    text = room.final_text()
    assert "SIGSEGV (exit code 139" in text
    assert "it said: disk full" in text and "    epoch 1" in text


def test_a_container_out_of_memory(room):
    eat = "b = bytearray()\nwhile True: b += bytes(2**24)"
    room.run(["python3", "-c", eat], container={"resources": {"limits": {"memory": "32Mi"}}})
    text = room.final_text()
    assert "OOMKilled" in text and "container main" in text and "32Mi" in text


def test_a_container_that_its_liveness_probe_ends(room):
    probe = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1}
    room.run(restartPolicy="Always", container={"livenessProbe": probe})
    text = room.final_text()
    assert "failed liveness probe" in text and "SIGKILL" in text


def test_a_command_that_is_not_in_the_image(room):
    room.run(["tritonserver-typo"])
    text = room.final_text()
    assert '"tritonserver-typo"' in text and "not found" in text and "could not be started" in text


# --- what a pod needs and doesn't find


def test_a_config_map_for_the_environment_that_is_missing(room):
    room.run(container={"envFrom": [{"configMapRef": {"name": "no-settings"}}]})
    text = room.final_text()
    assert "CreateContainerConfigError" in text and 'configmap "no-settings" not found' in text


def test_a_secret_volume_that_is_missing(room):
    mount = {"name": "keys", "mountPath": "/keys"}
    volumes = [{"name": "keys", "secret": {"secretName": "no-keys"}}]
    room.run(container={"volumeMounts": [mount]}, volumes=volumes)
    text = room.final_text()
    assert "FailedMount" in text and 'secret "no-keys" not found' in text


def test_a_volume_that_cannot_be_mounted(room):
    mount = {"name": "data", "mountPath": "/data"}
    volumes = [{"name": "data", "hostPath": {"path": "/no/such/folder", "type": "Directory"}}]
    room.run(container={"volumeMounts": [mount]}, volumes=volumes)
    text = room.final_text()
    assert "FailedMount" in text and "/no/such/folder" in text


def test_a_claim_that_is_missing(room):
    room.run(volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "no-claim"}}])
    text = room.final_text()
    assert 'persistentvolumeclaim "no-claim" not found' in text and "kubectl get pvc" in text


def test_a_claim_that_no_volume_fits(room):
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    room.core.create_namespaced_persistent_volume_claim(room.name, {"metadata": {"name": "data"}, "spec": claim})
    room.run(volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}])
    text = room.final_text()
    assert "unbound immediate PersistentVolumeClaims" in text and "kubectl get storageclass" in text


def test_a_sandbox_that_cannot_be_made(api, room):
    # containerd has no runtime by that name
    classes: Any = client.NodeV1Api(api)
    name = f"diagnosis-{uuid.uuid4().hex[:8]}"
    classes.create_runtime_class({"metadata": {"name": name}, "handler": "nvidia"})
    try:
        room.run(runtimeClassName=name)
        text = room.final_text()
    finally:
        classes.delete_runtime_class(name)
    assert "FailedCreatePodSandBox" in text and '"nvidia"' in text


# --- pods that no node takes


def test_more_cpu_than_any_node_has(room):
    room.run(container={"resources": {"requests": {"cpu": "64", "memory": "900Gi"}}})
    text = room.final_text()
    assert "Insufficient cpu" in text
    assert "cpu is short: the pod asks for 64" in text and "memory is short: the pod asks for 921600Mi" in text


def test_a_label_that_no_node_has(room):
    room.run(nodeSelector={"accelerator": "tpu"})
    text = room.final_text()
    assert "node affinity/selector" in text and "accelerator=tpu" in text


def test_an_affinity_that_no_node_matches(room):
    term = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["moon"]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    room.run(affinity={"nodeAffinity": required})
    assert "zone In ['moon']" in room.final_text()


def test_a_taint_that_the_pod_does_not_tolerate(room, spare_node):
    node = spare_node()
    room.run(nodeSelector={"spare": node})
    text = room.final_text()
    assert "untolerated taint" in text and f"node {node} has the taint spare={node}:NoSchedule" in text


def test_a_node_under_memory_pressure(room, spare_node):
    node = spare_node(conditions=[{"type": "MemoryPressure", "message": "kubelet has insufficient memory available"}])
    wait_until("the control plane to taint the node", lambda: has_taint(room, node, "memory-pressure"), IN_TIME)
    room.run(**only_on(node))
    text = room.final_text()
    assert f"node {node} has MemoryPressure: kubelet has insufficient memory available" in text
    assert "node.kubernetes.io/memory-pressure:NoSchedule" in text


def test_a_node_that_is_not_ready(room, spare_node):
    node = spare_node(ready=False)
    room.run(nodeName=node, tolerations=[{"operator": "Exists"}])
    text = room.final_text()
    assert f"node {node} is NotReady: kubelet stopped" in text
    room.core.delete_namespaced_pod("subject", room.name, grace_period_seconds=0)


def test_an_evicted_pod(room):
    mount = {"name": "scratch", "mountPath": "/scratch"}
    volumes = [{"name": "scratch", "emptyDir": {"sizeLimit": "1Mi"}}]
    fill = "head -c 8000000 /dev/zero > /scratch/full; sleep 300"
    room.run(["sh", "-c", fill], container={"volumeMounts": [mount]}, volumes=volumes)
    # the kubelet adds volumes up only once a minute, so the state itself takes a while
    text = room.final_text(within=120)
    assert "Evicted" in text and 'EmptyDir volume "scratch" exceeds the limit "1Mi"' in text


# --- pods that never come into being


def deployment(room: Room, name: str) -> None:
    pod = {"containers": [{"name": "main", "image": IMAGE, "command": SLEEPS}]}
    labels = {"app": name}
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    apps: Any = client.AppsV1Api(room.api)
    apps.create_namespaced_deployment(room.name, {"metadata": {"name": name}, "spec": spec})


def test_a_quota_that_is_used_up(room):
    room.core.create_namespaced_resource_quota(
        room.name, {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "0"}}}
    )
    deployment(room, "server")
    text = room.final_text(lambda: room.owner_trouble("server"))
    assert "exceeded quota: small" in text and "kubectl describe resourcequota" in text


def test_a_pod_that_pod_security_refuses(room):
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    room.core.patch_namespace(room.name, {"metadata": {"labels": labels}})
    deployment(room, "server")
    text = room.final_text(lambda: room.owner_trouble("server"))
    assert 'violates PodSecurity "restricted' in text and "runAsNonRoot" in text


def test_a_job_that_gave_up(room):
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": IMAGE, "command": ["false"]}]}
    job = {"metadata": {"name": "train"}, "spec": {"backoffLimit": 0, "template": {"spec": pod}}}
    batch: Any = client.BatchV1Api(room.api)
    batch.create_namespaced_job(room.name, job)
    assert "BackoffLimitExceeded" in room.final_text(lambda: room.owner_trouble("train"))


def test_a_namespace_that_is_terminating(room):
    # a finalizer holds the pod, and so the namespace, until it is taken off
    held = {"metadata": {"name": "subject", "finalizers": ["acceptance.test/hold"]}}
    main = {"name": "main", "image": IMAGE, "command": SLEEPS}
    room.core.create_namespaced_pod(room.name, held | {"spec": {"containers": [main]}})
    room.core.delete_namespace(room.name)
    try:
        assert f"namespace {room.name} is terminating" in room.final_text()
        assert "is terminating" in room.final_text(lambda: room.owner_trouble("server"))
    finally:
        room.core.patch_namespaced_pod("subject", room.name, {"metadata": {"finalizers": None}})


# --- GPUs; where there are some: test_gpus.py


def test_no_node_advertises_a_gpu(room):
    room.run(container=asks_for_gpu())
    text = room.final_text()
    assert f"Insufficient {GPU}" in text and f"no node advertises {GPU}" in text
    assert "no namespace has a pod of the NVIDIA device plugin" in text and "accelerator=gpu" in text


def test_no_node_advertises_a_gpu_and_the_device_plugin_says_why(room):
    said = "echo 'If this is a GPU node, did you configure the NVIDIA Container Toolkit?'; sleep 300"
    room.run(["sh", "-c", said], name="nvidia-device-plugin-daemonset-x7k2p")
    room.wait_running("nvidia-device-plugin-daemonset-x7k2p")
    room.run(container=asks_for_gpu())
    text = room.final_text()
    assert f"{room.name}/nvidia-device-plugin-daemonset-x7k2p on node" in text
    assert "did you configure the NVIDIA Container Toolkit?" in text
