"""A cluster's GPU node, from its labels to the GPUs that it gives to pods, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass

from acceptance.errors import Problem
from acceptance.gpu.nvidia_smi import DRIVERS, Gpu

GPU_RESOURCE = "nvidia.com/gpu"
DAEMON_SET = (
    "https://raw.githubusercontent.com/NVIDIA/k8s-device-plugin/v0.18.0/deployments/static/nvidia-device-plugin.yml"
)
INSTALL_PLUGIN = f"install the GPU operator, or the plugin's DaemonSet by `kubectl apply -f {DAEMON_SET}`"
# the tutorial's, the GPU operator's or gpu-feature-discovery's, node feature discovery's, and the clouds' own
LABELS = (
    ("accelerator", ("gpu", "nvidia")),
    (f"{GPU_RESOURCE}.present", ("true",)),
    ("feature.node.kubernetes.io/pci-10de.present", ("true",)),
    ("feature.node.kubernetes.io/pci-0300_10de.present", ("true",)),
    ("feature.node.kubernetes.io/pci-0302_10de.present", ("true",)),
    ("kubernetes.azure.com/accelerator", ("nvidia",)),
    ("cloud.google.com/gke-accelerator", ()),
    ("k8s.amazonaws.com/accelerator", ()),
)
CONFIGURE_RUNTIME = (
    "on the node `sudo nvidia-ctk runtime configure --runtime=containerd --set-as-default`, then "
    "`sudo systemctl restart containerd` (k3s finds the toolkit by itself: `sudo systemctl restart k3s`, or k3s-agent)"
)
# words of the device plugin's log, what they mean, and the fix; the first that is found counts
PLUGIN_LOG = (
    ("Driver/library version mismatch", "the driver was updated under the running one: restart the node"),
    ("driver not loaded", f"the NVIDIA driver is not loaded: `sudo modprobe nvidia` on the node, or install {DRIVERS}"),
    (
        "did you configure the NVIDIA Container Toolkit",
        f"its container does not see the driver: the NVIDIA runtime is not the one that runs it, {CONFIGURE_RUNTIME}; "
        "or give it the runtime by name, `kubectl -n NAMESPACE patch daemonset NAME -p "
        '\'{"spec":{"template":{"spec":{"runtimeClassName":"nvidia"}}}}\'`',
    ),
    ("unhealthy", "the driver reports a broken GPU: `sudo dmesg | grep -i xid` on the node, then drain and restart it"),
    ("No devices found", "the driver lists no GPU: `nvidia-smi -L` on the node"),
)


@dataclass(frozen=True)
class DevicePlugin:
    """A pod of the device plugin: `namespace/name`, whether it is ready, its state with the end of its log."""

    name: str
    ready: bool
    state: str


@dataclass(frozen=True)
class GpuNode:
    """The node that has the cluster's GPU, or should have; `capacity` and `allocatable` count its `resource`."""

    name: str
    labels: Mapping[str, str]
    capacity: int = 0
    allocatable: int = 0
    resource: str = GPU_RESOURCE
    other_resources: tuple[str, ...] = ()
    """What else of NVIDIA's it advertises: MIG slices, shared GPUs."""
    plugins: tuple[DevicePlugin, ...] = ()
    """The device plugin's pods on this node."""
    plugins_elsewhere: tuple[str, ...] = ()
    """The device plugin's pods on other nodes, or on none."""

    @property
    def shows_gpu(self) -> bool:
        """Whether anything at all says that there is a GPU."""
        return bool(self.capacity or gpu_label(self.labels))

    @property
    def gpu(self) -> Gpu:
        """The GPU as gpu-feature-discovery's labels describe it; without them only which node it is on is known."""
        get = self.labels.get
        driver = get("nvidia.com/cuda.driver-version.full") or self.version("cuda.driver", "major", "minor", "rev")
        return Gpu(
            name=get(f"{GPU_RESOURCE}.product", f"NVIDIA GPU of node {self.name}"),
            driver=driver,
            compute_capability=self.version("gpu.compute", "major", "minor") if driver else "",
            cuda=get("nvidia.com/cuda.runtime-version.full") or self.version("cuda.runtime", "major", "minor"),
        )

    def version(self, label: str, *parts: str) -> str:
        """Return the version that the older labels have in parts."""
        return ".".join(filter(None, (self.labels.get(f"nvidia.com/{label}.{part}", "") for part in parts)))


def gpu_label(labels: Mapping[str, str]) -> str:
    """Return the label that says there is an NVIDIA GPU, "" where none does."""
    for key, values in LABELS:
        value = labels.get(key, "")
        if value and (value in values or not values):
            return f"{key}={value}"
    return ""


def unknown_driver(node: GpuNode, why_no_pod: Problem) -> Problem:
    """Say why the driver is not known: no labels, and no pod that could ask."""
    debug = f"`kubectl debug node/{node.name} -it --profile=sysadmin --image=busybox -- chroot /host nvidia-smi`"
    return Problem(
        f"node {node.name}: its driver is not known: gpu-feature-discovery has put no nvidia.com/cuda.driver-version "
        f"labels on it, and no pod gets a GPU to ask with ({why_no_pod})",
        f"ask on the node, {debug}, and where that fails install the driver, {DRIVERS}",
    )


def no_label(node: GpuNode) -> Problem | None:
    if gpu_label(node.labels):
        return None
    return Problem(
        f"node {node.name} has none of the labels that say there is a GPU "
        f"({', '.join(key for key, _ in LABELS[:3])}, ...)",
        f"`kubectl label node {node.name} accelerator=gpu`",
    )


def plugin_not_ready(node: GpuNode) -> Problem | None:
    """Say that the device plugin doesn't run on the node, or isn't ready there."""
    if any(plugin.ready for plugin in node.plugins):
        return None
    if node.plugins:
        return Problem(f"the device plugin on node {node.name} is not ready", plugin_fix(node), plugin_states(node))
    if node.plugins_elsewhere:
        return Problem(
            f"the device plugin runs elsewhere ({', '.join(node.plugins_elsewhere[:5])}) and not on node {node.name}",
            "compare its DaemonSet's nodeSelector, affinity and tolerations with the node's labels and taints, "
            f"`kubectl get daemonsets -A -o wide` and `kubectl describe node {node.name}`",
        )
    return Problem(f"no pod of the NVIDIA device plugin runs on node {node.name}, nor anywhere else", INSTALL_PLUGIN)


def no_capacity(node: GpuNode) -> Problem | None:
    if node.capacity:
        return None
    others = f" (but {', '.join(node.other_resources)}: the device plugin's MIG or sharing settings rename it)"
    return Problem(
        f"node {node.name} has no {node.resource} in its capacity{others if node.other_resources else ''}",
        plugin_fix(node) if node.plugins else f"no device plugin runs there to advertise it: {INSTALL_PLUGIN}",
        plugin_states(node),
    )


def not_allocatable(node: GpuNode) -> Problem | None:
    if 0 < node.capacity <= node.allocatable:
        return None
    plugin = plugin_fix(node) if node.plugins else f"its device plugin has gone: {INSTALL_PLUGIN}"
    return Problem(
        f"node {node.name} has {node.resource} {node.capacity} in its capacity but {node.allocatable} allocatable: a "
        "GPU is unhealthy, or the device plugin has stopped",
        f"`nvidia-smi` and `sudo dmesg | grep -i xid` on the node; {plugin}",
        plugin_states(node),
    )


def plugin_states(node: GpuNode) -> str:
    """Return the states of the plugin's pods on the node, each with the end of its log."""
    return "\n".join(f"{plugin.name}, {plugin.state}" for plugin in node.plugins)


def plugin_fix(node: GpuNode) -> str:
    """Return what the plugin's log means and what to do about it."""
    states = plugin_states(node)
    return next((fix for words, fix in PLUGIN_LOG if words in states), "look at the device plugin")
