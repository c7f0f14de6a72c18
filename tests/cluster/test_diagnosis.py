"""The diagnosis on a real Kubernetes: each state is made in a namespace of its own, and must be named in time."""

import datetime
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kubernetes import client

from acceptance.gpu.node import GPU_RESOURCE as GPU
from acceptance.waiting import Ready, wait_until
from tests.cluster.lab_namespace import IMAGE, IN_TIME, SLEEPS, LabNamespace, asks_for_gpu

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
        amounts = {"cpu": "4", "memory": "4Gi", "pods": "10"}
        conditions = [word, *({"status": "True"} | times | more for more in status.pop("conditions", []))]
        core.patch_node_status(
            name, {"status": {"capacity": amounts, "allocatable": amounts, "conditions": conditions} | status}
        )
        return name

    yield make
    for name in made:
        core.delete_node(name)


def has_taint(namespace: LabNamespace, node: str, part: str) -> Ready[None] | str:
    keys = [taint.key for taint in namespace.core.read_node(node).spec.taints]
    return Ready(None) if any(part in key for key in keys) else f"it has {keys}"


def only_on(node: str) -> dict[str, Any]:
    """Return the part of a pod's spec that ties it to a spare node."""
    return {"nodeSelector": {"spare": node}, "tolerations": [{"key": "spare", "operator": "Exists"}]}


# --- images


def test_an_image_that_no_registry_has(namespace):
    namespace.run(container={"image": "registry.invalid/no-such-model:1", "imagePullPolicy": "IfNotPresent"})
    text = namespace.final_text()
    assert "registry.invalid/no-such-model:1" in text
    assert "ImagePull" in text and "--images FILE" in text


def test_an_image_that_must_not_be_pulled(namespace):
    namespace.run(container={"image": "lab.local/never-loaded:1"})
    text = namespace.final_text()
    assert "ErrImageNeverPull" in text and "lab.local/never-loaded:1" in text


def test_an_image_name_that_is_none(namespace):
    namespace.run(container={"image": "UPPER case"})
    text = namespace.final_text()
    assert "InvalidImageName" in text and "UPPER case" in text


# --- containers that die


def test_a_crash_loop_shows_the_last_lines(namespace):
    namespace.run(["sh", "-c", "echo model.onnx is truncated; exit 3"], restartPolicy="Always")
    text = namespace.final_text()
    assert re.search(r"container main exited with 3 \(Error\), after \d restart", text)
    assert "model.onnx is truncated" in text


def test_a_crash_loop_of_an_init_container(namespace):
    init = {"name": "prepare", "image": IMAGE, "command": ["sh", "-c", "echo no bucket; exit 4"]}
    namespace.run(restartPolicy="Always", initContainers=[init])
    text = namespace.final_text()
    assert "container prepare exited with 4" in text and "no bucket" in text


def test_a_pod_that_runs_once_and_fails(namespace):
    # a container's first process is spared by kill, not by a real fault
    fault = 'exec python3 -c "import ctypes; ctypes.string_at(0)"'
    namespace.run(["sh", "-c", f"echo epoch 1; echo disk full > /dev/termination-log; {fault}"])
    text = namespace.final_text()
    assert "SIGSEGV (exit code 139" in text
    assert "it said: disk full" in text and "    epoch 1" in text


def test_a_container_out_of_memory(namespace):
    eat = "b = bytearray()\nwhile True: b += bytes(2**24)"
    namespace.run(["python3", "-c", eat], container={"resources": {"limits": {"memory": "32Mi"}}})
    text = namespace.final_text()
    assert "OOMKilled" in text and "container main" in text and "32Mi" in text


def test_a_container_that_its_liveness_probe_ends(namespace):
    probe = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1}
    namespace.run(restartPolicy="Always", container={"livenessProbe": probe})
    text = namespace.final_text()
    assert "failed liveness probe" in text and "SIGKILL" in text


def test_a_command_that_is_not_in_the_image(namespace):
    namespace.run(["tritonserver-typo"])
    text = namespace.final_text()
    assert '"tritonserver-typo"' in text and "not found" in text and "could not be started" in text


# --- what a pod needs and doesn't find


def test_a_config_map_for_the_environment_that_is_missing(namespace):
    namespace.run(container={"envFrom": [{"configMapRef": {"name": "no-settings"}}]})
    text = namespace.final_text()
    assert "CreateContainerConfigError" in text and 'configmap "no-settings" not found' in text


def test_a_secret_volume_that_is_missing(namespace):
    mount = {"name": "keys", "mountPath": "/keys"}
    volumes = [{"name": "keys", "secret": {"secretName": "no-keys"}}]
    namespace.run(container={"volumeMounts": [mount]}, volumes=volumes)
    text = namespace.final_text()
    assert "FailedMount" in text and 'secret "no-keys" not found' in text


def test_a_volume_that_cannot_be_mounted(namespace):
    mount = {"name": "data", "mountPath": "/data"}
    volumes = [{"name": "data", "hostPath": {"path": "/no/such/folder", "type": "Directory"}}]
    namespace.run(container={"volumeMounts": [mount]}, volumes=volumes)
    text = namespace.final_text()
    assert "FailedMount" in text and "/no/such/folder" in text


def test_a_claim_that_is_missing(namespace):
    namespace.run(volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "no-claim"}}])
    text = namespace.final_text()
    assert 'persistentvolumeclaim "no-claim" not found' in text and "kubectl get pvc" in text


def test_a_claim_that_no_volume_fits(namespace):
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    namespace.core.create_namespaced_persistent_volume_claim(
        namespace.name, {"metadata": {"name": "data"}, "spec": claim}
    )
    namespace.run(volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}])
    text = namespace.final_text()
    assert "unbound immediate PersistentVolumeClaims" in text and "kubectl get storageclass" in text


def test_a_sandbox_that_cannot_be_made(api, namespace):
    # containerd has no runtime by that name
    classes: Any = client.NodeV1Api(api)
    name = f"diagnosis-{uuid.uuid4().hex[:8]}"
    classes.create_runtime_class({"metadata": {"name": name}, "handler": "nvidia"})
    try:
        namespace.run(runtimeClassName=name)
        text = namespace.final_text()
    finally:
        classes.delete_runtime_class(name)
    assert "FailedCreatePodSandBox" in text and '"nvidia"' in text


# --- pods that no node takes


def test_more_cpu_than_any_node_has(namespace):
    namespace.run(container={"resources": {"requests": {"cpu": "64", "memory": "900Gi"}}})
    text = namespace.final_text()
    assert "Insufficient cpu" in text
    assert "cpu is short: the pod asks for 64" in text and "memory is short: the pod asks for 921600Mi" in text


def test_a_label_that_no_node_has(namespace):
    namespace.run(nodeSelector={"accelerator": "tpu"})
    text = namespace.final_text()
    assert "node affinity/selector" in text and "accelerator=tpu" in text


def test_an_affinity_that_no_node_matches(namespace):
    term = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["moon"]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    namespace.run(affinity={"nodeAffinity": required})
    assert "zone In ['moon']" in namespace.final_text()


def test_a_taint_that_the_pod_does_not_tolerate(namespace, spare_node):
    node = spare_node()
    namespace.run(nodeSelector={"spare": node})
    text = namespace.final_text()
    assert "untolerated taint" in text and f"node {node} has the taint spare={node}:NoSchedule" in text


def test_a_node_under_memory_pressure(namespace, spare_node):
    node = spare_node(conditions=[{"type": "MemoryPressure", "message": "kubelet has insufficient memory available"}])
    wait_until("the control plane to taint the node", lambda: has_taint(namespace, node, "memory-pressure"), IN_TIME)
    namespace.run(**only_on(node))
    text = namespace.final_text()
    assert f"node {node} has MemoryPressure: kubelet has insufficient memory available" in text
    assert "node.kubernetes.io/memory-pressure:NoSchedule" in text


def test_a_node_that_is_not_ready(namespace, spare_node):
    node = spare_node(ready=False)
    namespace.run(nodeName=node, tolerations=[{"operator": "Exists"}])
    text = namespace.final_text()
    assert f"node {node} is NotReady: kubelet stopped" in text
    namespace.core.delete_namespaced_pod("subject", namespace.name, grace_period_seconds=0)


def test_an_evicted_pod(namespace):
    mount = {"name": "scratch", "mountPath": "/scratch"}
    volumes = [{"name": "scratch", "emptyDir": {"sizeLimit": "1Mi"}}]
    fill = "head -c 8000000 /dev/zero > /scratch/full; sleep 300"
    namespace.run(["sh", "-c", fill], container={"volumeMounts": [mount]}, volumes=volumes)
    # the kubelet adds volumes up only once a minute, so the state itself takes a while
    text = namespace.final_text(within=120)
    assert "Evicted" in text and 'EmptyDir volume "scratch" exceeds the limit "1Mi"' in text


# --- pods that never come into being


def deployment(namespace: LabNamespace, name: str) -> None:
    pod = {"containers": [{"name": "main", "image": IMAGE, "command": SLEEPS}]}
    labels = {"app": name}
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    apps: Any = client.AppsV1Api(namespace.api)
    apps.create_namespaced_deployment(namespace.name, {"metadata": {"name": name}, "spec": spec})


def test_a_quota_that_is_used_up(namespace):
    namespace.core.create_namespaced_resource_quota(
        namespace.name, {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "0"}}}
    )
    deployment(namespace, "server")
    text = namespace.final_text(lambda: namespace.diagnose_owner("server"))
    assert "exceeded quota: small" in text and "kubectl describe resourcequota" in text


def test_a_pod_that_pod_security_refuses(namespace):
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace.core.patch_namespace(namespace.name, {"metadata": {"labels": labels}})
    deployment(namespace, "server")
    text = namespace.final_text(lambda: namespace.diagnose_owner("server"))
    assert 'violates PodSecurity "restricted' in text and "runAsNonRoot" in text


def test_a_job_that_gave_up(namespace):
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": IMAGE, "command": ["false"]}]}
    job = {"metadata": {"name": "train"}, "spec": {"backoffLimit": 0, "template": {"spec": pod}}}
    batch: Any = client.BatchV1Api(namespace.api)
    batch.create_namespaced_job(namespace.name, job)
    assert "BackoffLimitExceeded" in namespace.final_text(lambda: namespace.diagnose_owner("train"))


def test_a_namespace_that_is_terminating(namespace):
    # a finalizer holds the pod, and so the namespace, until it is taken off
    held = {"metadata": {"name": "subject", "finalizers": ["acceptance.test/hold"]}}
    main = {"name": "main", "image": IMAGE, "command": SLEEPS}
    namespace.core.create_namespaced_pod(namespace.name, held | {"spec": {"containers": [main]}})
    namespace.core.delete_namespace(namespace.name)
    try:
        assert f"namespace {namespace.name} is terminating" in namespace.final_text()
        assert "is terminating" in namespace.final_text(lambda: namespace.diagnose_owner("server"))
    finally:
        namespace.core.patch_namespaced_pod("subject", namespace.name, {"metadata": {"finalizers": None}})


# --- GPUs; where there are some: test_gpus.py


def test_no_node_advertises_a_gpu(namespace, no_gpu_pods):
    namespace.run(container=asks_for_gpu())
    text = namespace.final_text()
    assert f"Insufficient {GPU}" in text and f"no node advertises {GPU}" in text
    for fact in ("no namespace", "NVIDIA device plugin", "accelerator=gpu"):
        assert fact in text


def test_no_node_advertises_a_gpu_and_the_device_plugin_says_why(namespace, no_gpu_pods):
    said = "echo 'If this is a GPU node, did you configure the NVIDIA Container Toolkit?'; sleep 300"
    namespace.run(["sh", "-c", said], name="nvidia-device-plugin-daemonset-x7k2p")
    namespace.wait_running("nvidia-device-plugin-daemonset-x7k2p")
    namespace.run(container=asks_for_gpu())
    text = namespace.final_text()
    assert f"{namespace.name}/nvidia-device-plugin-daemonset-x7k2p on node" in text
    assert "did you configure the NVIDIA Container Toolkit?" in text
