"""What a made-up stack says of its GPU: the node, what pods print on it, and Triton's words; one GPU, never held twice.

The words are those of the real programs, from their sources and from people's reports; no GPU was there to record.
"""

import contextlib
import json
from http.server import BaseHTTPRequestHandler

from acceptance.errors import AcceptanceError
from acceptance.gpu.node import DevicePlugin, GpuNode
from acceptance.stacks.protocol import PodResult
from tests import http_server

NOT_CONFIGURED = (
    "E1219 main.go:112] Incompatible strategy detected auto\n"
    "E1219 main.go:113] If this is a GPU node, did you configure the NVIDIA Container Toolkit?\n"
    "I1219 main.go:385] No devices found. Waiting indefinitely."
)
PROBED = (
    "device nvidia-uvm\ndevice nvidia0\ndevice nvidiactl\nNVIDIA Made-Up, 550.54.15\nlisting ended with 0\n"
    "| NVIDIA-SMI 550.54.15   Driver Version: 550.54.15   CUDA Version: 12.4 |"
)
TWO = PROBED.replace("550.54.15\nlisting", "550.54.15\nNVIDIA Made-Up, 550.54.15\nlisting")
# what `nvidia-ctk cdi generate` has in its description, with no runtime of NVIDIA's anywhere
CDI = PROBED.replace("device nvidiactl", "device nvidia-modeset\ndevice nvidia-uvm-tools\ndevice nvidiactl")
NO_DEVICES = "sh: 3: nvidia-smi: not found\nlisting ended with 127\nsh: 5: nvidia-smi: not found"
NO_PROGRAMS = "device nvidia0\ndevice nvidiactl\n" + NO_DEVICES
MISMATCH = (
    "device nvidia0\nFailed to initialize NVML: Driver/library version mismatch\nlisting ended with 18\n"
    "Failed to initialize NVML: Driver/library version mismatch"
)
TENSORFLOW = "TensorFlow 2.19.1 built with CUDA: True\nNum GPUs Available:  1"
WITHOUT_CUDA = "TensorFlow 2.19.1 built with CUDA: False\nNum GPUs Available:  0"
WITHOUT_LIBRARIES = (
    "W0000 gpu_device.cc:2341] Cannot dlopen some GPU libraries. Please make sure the missing libraries "
    "mentioned above are installed properly.\nTensorFlow 2.19.1 built with CUDA: True\nNum GPUs Available:  0"
)
WITHOUT_DRIVER = (
    "E0000 cuda_executor.cc:1228] INTERNAL: CUDA error: Failed call to cuInit: UNKNOWN ERROR (303)\n"
    "TensorFlow 2.19.1 built with CUDA: True\nNum GPUs Available:  0"
)
BROKEN = "Traceback (most recent call last):\nModuleNotFoundError: No module named 'tensorflow'"
METRICS = "".join(
    f'# TYPE {name} gauge\n{name}{{gpu_uuid="GPU-57cd6b41"}} {value}\n'
    for name, value in (
        ("nv_gpu_utilization", "0.000000"),
        ("nv_gpu_memory_total_bytes", "16101933056.000000"),
        ("nv_gpu_memory_used_bytes", "617611264.000000"),
    )
)
LOG = (
    'I1009 metrics.cc:877] "Collecting metrics for GPU 0: NVIDIA Made-Up"\n'
    'I1009 python_be.cc:2404] "TRITONBACKEND_ModelInstanceInitialize: cifar10_0_0 (GPU device 0)"\n'
    "I1009 model.py:38] cifar10: ONNX Runtime 1.23.2 on CUDAExecutionProvider"
)
NO_DCGM = LOG.replace(
    "Collecting metrics for GPU 0: NVIDIA Made-Up", "error initializing DCGM, GPU metrics will not be available"
)

SAYS = {
    "labels": {"accelerator": "gpu"},
    "capacity": 1,
    "allocatable": 1,
    "plugins": [
        ["kube-system/nvidia-device-plugin-x7k2p", True, "phase Running; the end of its log:\n    (no output)"]
    ],
    "elsewhere": [],
    "no_node": "",
    "gpu-probe": PROBED,
    "tensorflow-probe": TENSORFLOW,
    "metrics": METRICS,
    "server_log": LOG,
    "backend": "python",
    "kind": "KIND_GPU",
    # who has the GPU from the beginning
    "holder": "",
}


class FakeNode:
    """The part of a made-up stack that has the GPU."""

    says: dict
    # how much larger the answered logits are by now
    shift: float
    # the names of the predictors that are up
    up: set[str]

    def gpu_node(self):
        if self.says["no_node"]:
            raise AcceptanceError(self.says["no_node"])
        counts = {name: self.says[name] for name in ("capacity", "allocatable")}
        plugins = tuple(DevicePlugin(*plugin) for plugin in self.says["plugins"])
        elsewhere = tuple(self.says["elsewhere"])
        return GpuNode("n1", self.says["labels"], **counts, plugins=plugins, plugins_elsewhere=elsewhere)

    def pod_log(self, name):
        """Return what the probe of that name prints; `pod_log` of the other stack's words for any other pod."""
        return self.says.get(name, self.says["pod_log"])

    @contextlib.contextmanager
    def holding(self, who):
        """Hold the one GPU; raises AcceptanceError in the scheduler's words where another has it."""
        if self.says["holder"]:
            raise AcceptanceError(f"nvidia.com/gpu is short: {who} asks for 1; taken by {self.says['holder']} (1)")
        self.says["holder"] = who
        try:
            yield
        finally:
            self.release(who)

    def release(self, who):
        if self.says["holder"] == who:
            self.says["holder"] = ""

    def stop_serving(self, endpoint):
        self.up.discard(endpoint.name)
        self.release("the GPU predictor")

    def server_log(self, endpoint):
        if endpoint.name not in self.up:
            raise AcceptanceError(f"{endpoint} has stopped")
        return self.says["server_log"]

    def probe(self, name, phase):
        with self.holding(f"pod {name}"):
            return PodResult(name, phase, self.pod_log(name))

    @contextlib.contextmanager
    def server(self):
        """Answer as a Triton would, one that has the GPU; yields its `host:port`."""
        group = {"name": "cifar10_0", "kind": self.says["kind"], "count": 1, "gpus": [0]}
        logits = {"name": "dense_1", "datatype": "FP32", "shape": [1, 10]}
        pages = {
            "/v2/models/cifar10/config": {
                "name": "cifar10",
                "backend": self.says["backend"],
                "instance_group": [group],
            },
        }

        def infer():
            return {"outputs": [{**logits, "data": [0.5 + self.shift] * 10}]}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = json.dumps(infer() if self.path.endswith("/infer") else pages[self.path]).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.do_GET()

        with http_server.answering(Handler) as address:
            yield address
