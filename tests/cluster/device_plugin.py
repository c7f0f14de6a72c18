"""A stand-in device plugin: tells the lab's kubelet, over its real API v1beta1, of GPUs that aren't there.

A pod that is given one finds NVIDIA_VISIBLE_DEVICES, as from NVIDIA's plugin, and a /dev/nvidia0 that is a /dev/null.
"""

import os
import queue
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from acceptance.gpu.node import GPU_RESOURCE as GPU
from acceptance.waiting import Ready, wait_until

# the kubelet has it here whatever its own root folder is
FOLDER = Path("/var/lib/kubelet/device-plugins")
KUBELET = FOLDER / "kubelet.sock"
NODE = "lab"
HEALTHY, UNHEALTHY = "Healthy", "Unhealthy"  # the API's own words
PREFIX = "GPU-stand-in-"
# the kubelet tells the API server of a change every ten seconds
TOLD_SECONDS = 40

# the API's messages as far as they are used here: (field, number, type), a message's name for a message, + for many
MESSAGES = {
    "Empty": [],
    "DevicePluginOptions": [("pre_start_required", 1, "bool"), ("get_preferred_allocation_available", 2, "bool")],
    "RegisterRequest": [
        ("version", 1, "string"),
        ("endpoint", 2, "string"),
        ("resource_name", 3, "string"),
        ("options", 4, "DevicePluginOptions"),
    ],
    "Device": [("ID", 1, "string"), ("health", 2, "string")],
    "ListAndWatchResponse": [("devices", 1, "+Device")],
    "ContainerAllocateRequest": [("devices_ids", 1, "+string")],
    "AllocateRequest": [("container_requests", 1, "+ContainerAllocateRequest")],
    "Variable": [("key", 1, "string"), ("value", 2, "string")],  # an entry of a map, as it is on the wire
    "DeviceSpec": [("container_path", 1, "string"), ("host_path", 2, "string"), ("permissions", 3, "string")],
    "ContainerAllocateResponse": [("envs", 1, "+Variable"), ("devices", 3, "+DeviceSpec")],
    "AllocateResponse": [("container_responses", 1, "+ContainerAllocateResponse")],
}


def describe() -> dict[str, Any]:
    """Return the classes of the messages by their names."""
    kinds = descriptor_pb2.FieldDescriptorProto
    scalars = {"bool": kinds.TYPE_BOOL, "string": kinds.TYPE_STRING}
    file = descriptor_pb2.FileDescriptorProto(name="device_plugin.proto", package="v1beta1", syntax="proto3")
    for message, fields in MESSAGES.items():
        described = file.message_type.add(name=message)
        for name, number, of in fields:
            kind = of.removeprefix("+")
            label = kinds.LABEL_REPEATED if of != kind else kinds.LABEL_OPTIONAL
            field = described.field.add(name=name, number=number, label=label)
            field.type = scalars.get(kind, kinds.TYPE_MESSAGE)
            if kind not in scalars:
                field.type_name = f".v1beta1.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"v1beta1.{name}")) for name in MESSAGES}


class DevicePlugin:
    """A device plugin, as a context manager; `core` asks the lab's API server. It has no GPU until it is told to.

    `resource`: what the node is to call these GPUs; a plugin for each name.
    On its way out it takes its GPUs back, else the kubelet would count them for five more minutes.
    """

    def __init__(self, core: Any, resource: str = GPU) -> None:
        self.core, self.resource = core, resource
        self.socket = FOLDER / f"triton-acceptance-{resource.replace('/', '-')}.sock"
        self.health: tuple[str, ...] = ()
        self.messages = describe()
        self.changes: queue.SimpleQueue[bool] = queue.SimpleQueue()
        """Whether another list of devices is to be sent, or the stream to end."""
        self.given: list[str] = []
        """The devices that containers were given, the latest last."""

    def __enter__(self) -> "DevicePlugin":
        self.server = grpc.server(futures.ThreadPoolExecutor(4))
        one, many = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
        calls = {
            "GetDevicePluginOptions": (one, self.options, "Empty"),
            "ListAndWatch": (many, self.list_and_watch, "Empty"),
            "Allocate": (one, self.allocate, "AllocateRequest"),
        }
        handlers = {
            name: kind(call, self.messages[takes].FromString, lambda answer: answer.SerializeToString())
            for name, (kind, call, takes) in calls.items()
        }
        self.server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("v1beta1.DevicePlugin", handlers)])
        self.socket.unlink(missing_ok=True)
        self.server.add_insecure_port(f"unix:{self.socket}")
        self.server.start()
        try:
            self.register()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self.advertise()
        finally:
            self.changes.put(False)
            self.server.stop(grace=5).wait(30)
            self.socket.unlink(missing_ok=True)

    def register(self) -> None:
        request = self.messages["RegisterRequest"](
            version="v1beta1", endpoint=self.socket.name, resource_name=self.resource
        )
        with grpc.insecure_channel(f"unix:{KUBELET}") as channel:
            call = channel.unary_unary(
                "/v1beta1.Registration/Register", type(request).SerializeToString, self.messages["Empty"].FromString
            )
            call(request, timeout=10, wait_for_ready=True)

    def advertise(self, *health: str) -> None:
        """Have a GPU for each word, HEALTHY or UNHEALTHY, and wait until the API server knows."""
        self.tell(*health)
        self.wait_told()

    def tell(self, *health: str) -> None:
        """Have these GPUs from the kubelet's next word to the API server on."""
        self.health = health
        self.changes.put(True)

    def wait_told(self) -> None:
        """Wait until the node says what the plugin does: as many GPUs in its capacity, the healthy ones allocatable."""
        wanted = (len(self.health), self.health.count(HEALTHY))

        def state() -> Ready[None] | str:
            status = self.core.read_node_status(NODE, _request_timeout=10).status
            found = tuple(
                int((amounts or {}).get(self.resource, "0")) for amounts in (status.capacity, status.allocatable)
            )
            return Ready(None) if found == wanted else f"it has {found}"

        what = f"node {NODE} to have {wanted[0]} {self.resource}, {wanted[1]} allocatable"
        wait_until(what, state, TOLD_SECONDS, poll=0.5)

    # --- what the kubelet calls

    def options(self, request: Any, context: Any) -> Any:
        return self.messages["DevicePluginOptions"]()

    def list_and_watch(self, request: Any, context: Any) -> Iterator[Any]:
        while True:
            devices = [self.messages["Device"](ID=f"{PREFIX}{n}", health=each) for n, each in enumerate(self.health)]
            yield self.messages["ListAndWatchResponse"](devices=devices)
            if not self.changes.get():
                return

    def allocate(self, request: Any, context: Any) -> Any:
        spec = self.messages["DeviceSpec"](container_path="/dev/nvidia0", host_path="/dev/null", permissions="rw")
        answers = []
        for container in request.container_requests:
            names = list(container.devices_ids)
            self.given += names
            variable = self.messages["Variable"](key="NVIDIA_VISIBLE_DEVICES", value=",".join(names))
            answers.append(self.messages["ContainerAllocateResponse"](envs=[variable], devices=[spec]))
        return self.messages["AllocateResponse"](container_responses=answers)


def no_kubelet() -> str:
    """Return why there can be no plugin here, or ""."""
    there = os.access(KUBELET, os.W_OK) and os.access(FOLDER, os.W_OK)
    return "" if there else f"{KUBELET} isn't there or isn't open to this user: the lab's kubelet runs here, as root"
