"""A cluster's node with a GPU, from its labels to what it gives out. A check returns "" or what is wrong and a fix."""

from collections.abc import Mapping
from dataclasses import dataclass

from acceptance.gpu.nvidia_smi import DRIVERS, HostGpu

RESOURCE = "nvidia.com/gpu"
DAEMON_SET = (
    "https://raw.githubusercontent.com/NVIDIA/k8s-device-plugin/v0.18.0/deployments/static/nvidia-device-plugin.yml"
)
# the tutorial's, the GPU operator's or gpu-feature-discovery's, node feature discovery's, and the clouds' own
LABELS = (
    ("accelerator", ("gpu", "nvidia")),
    (f"{RESOURCE}.present", ("true",)),
    ("feature.node.kubernetes.io/pci-10de.present", ("true",)),
    ("feature.node.kubernetes.io/pci-0300_10de.present", ("true",)),
    ("feature.node.kubernetes.io/pci-0302_10de.present", ("true",)),
    ("kubernetes.azure.com/accelerator", ("nvidia",)),
    ("cloud.google.com/gke-accelerator", ()),
    ("k8s.amazonaws.com/accelerator", ()),
)
CONFIGURE = (
    "on the node `sudo nvidia-ctk runtime configure --runtime=containerd --set-as-default`, then "
    "`sudo systemctl restart containerd` (k3s finds the toolkit by itself: `sudo systemctl restart k3s`, or k3s-agent)"
)
# the device plugin's own words, what they mean, and the fix; the first that it said counts
SAID = (
    ("Driver/library version mismatch", "the driver was updated under the running one: restart the node"),
    ("driver not loaded", f"the NVIDIA driver is not loaded: `sudo modprobe nvidia` on the node, or install {DRIVERS}"),
    (
        "did you configure the NVIDIA Container Toolkit",
        f"its container does not see the driver: the NVIDIA runtime is not the one that runs it, {CONFIGURE}; or give "
        "it the runtime by name, `kubectl -n NAMESPACE patch daemonset NAME -p "
        '\'{"spec":{"template":{"spec":{"runtimeClassName":"nvidia"}}}}\'`',
    ),
    ("unhealthy", "the driver reports a broken GPU: `sudo dmesg | grep -i xid` on the node, then drain and restart it"),
    ("No devices found", "the driver lists no GPU: `nvidia-smi -L` on the node"),
)


@dataclass(frozen=True)
class Plugin:
    """A pod of the device plugin: `namespace/name`, whether it is ready, its state with the end of its log."""

    name: str
    ready: bool
    state: str


@dataclass(frozen=True)
class GpuNode:
    """The node that has the cluster's GPU, or should have; `capacity` and `allocatable` count `nvidia.com/gpu`."""

    name: str
    labels: Mapping[str, str]
    capacity: int = 0
    allocatable: int = 0
    others: tuple[str, ...] = ()
    """What else of NVIDIA's it advertises: MIG slices, shared GPUs."""
    plugins: tuple[Plugin, ...] = ()
    """The device plugin's pods on this node."""
    elsewhere: tuple[str, ...] = ()
    """The device plugin's pods on other nodes, or on none."""

    @property
    def stands_out(self) -> bool:
        """Whether anything at all tells that there is a GPU."""
        return bool(self.capacity or label_of(self.labels))

    def gpu(self) -> HostGpu | None:
        """Return the GPU as gpu-feature-discovery's labels describe it, None where they have no driver."""
        get = self.labels.get
        old = [get(f"nvidia.com/cuda.driver.{part}", "") for part in ("major", "minor", "rev")]
        driver = get("nvidia.com/cuda.driver-version.full") or ".".join(filter(None, old))
        capability = [get(f"{RESOURCE}.compute.{part}", "") for part in ("major", "minor")]
        return HostGpu(self.product, driver, ".".join(filter(None, capability))) if driver else None

    @property
    def product(self) -> str:
        """The GPU's name by the same labels, else which node's it is."""
        return self.labels.get(f"{RESOURCE}.product", f"NVIDIA GPU of node {self.name}")

    def cuda(self) -> str:
        """Return the CUDA version that the driver supports by the same labels, "" where they don't say."""
        get = self.labels.get
        old = [get(f"nvidia.com/cuda.runtime.{part}", "") for part in ("major", "minor")]
        return get("nvidia.com/cuda.runtime-version.full") or ".".join(filter(None, old))


def label_of(labels: Mapping[str, str]) -> str:
    """Return the label that says there is an NVIDIA GPU, "" where none does."""
    for key, values in LABELS:
        value = labels.get(key, "")
        if value and (value in values or not values):
            return f"{key}={value}"
    return ""


def no_driver(node: GpuNode, why_no_pod: str) -> str:
    """Say why the driver is not known: no labels, and no pod that could ask."""
    debug = f"`kubectl debug node/{node.name} -it --profile=sysadmin --image=busybox -- chroot /host nvidia-smi`"
    return (
        f"node {node.name}: its driver is not known: gpu-feature-discovery has put no nvidia.com/cuda.driver-version "
        f"labels on it, and no pod gets a GPU to ask with ({why_no_pod}); ask on the node, {debug}, and where that "
        f"fails install the driver, {DRIVERS}"
    )


def unlabelled(node: GpuNode) -> str:
    if label_of(node.labels):
        return ""
    return (
        f"node {node.name} has none of the labels that say there is a GPU "
        f"({', '.join(key for key, _ in LABELS[:3])}, ...): `kubectl label node {node.name} accelerator=gpu`"
    )


def no_plugin(node: GpuNode) -> str:
    """Say that the device plugin doesn't run on the node, or isn't ready there."""
    if any(plugin.ready for plugin in node.plugins):
        return ""
    if node.plugins:
        return f"the device plugin on node {node.name} is not ready: {states(node)}"
    if node.elsewhere:
        return (
            f"the device plugin runs elsewhere ({', '.join(node.elsewhere[:5])}) and not on node {node.name}: compare "
            f"its DaemonSet's nodeSelector, affinity and tolerations with the node's labels and taints, `kubectl "
            f"get daemonsets -A -o wide` and `kubectl describe node {node.name}`"
        )
    return (
        f"no pod of the NVIDIA device plugin runs on node {node.name}, nor anywhere else: install the GPU operator, or "
        f"the plugin's DaemonSet by `kubectl apply -f {DAEMON_SET}`"
    )


def no_capacity(node: GpuNode) -> str:
    if node.capacity:
        return ""
    others = f" (but {', '.join(node.others)}: the device plugin's MIG or sharing settings rename it)"
    said = f"; its device plugin: {states(node)}" if node.plugins else "; no device plugin runs there to advertise it"
    return f"node {node.name} has no {RESOURCE} in its capacity{others if node.others else ''}{said}"


def not_allocatable(node: GpuNode) -> str:
    if 0 < node.capacity <= node.allocatable:
        return ""
    said = f"; its device plugin: {states(node)}" if node.plugins else "; its device plugin has gone"
    return (
        f"node {node.name} has {RESOURCE} {node.capacity} in its capacity but {node.allocatable} allocatable: a GPU is "
        f"unhealthy, or the device plugin has stopped: `nvidia-smi` and `sudo dmesg | grep -i xid` on the node{said}"
    )


def states(node: GpuNode) -> str:
    """Return the plugins' states, and what the known ones of their words mean."""
    said = "\n".join(f"{plugin.name}, {plugin.state}" for plugin in node.plugins)
    means = next((fix for words, fix in SAID if words in said), "")
    return f"{said}\n  {means}" if means else said
