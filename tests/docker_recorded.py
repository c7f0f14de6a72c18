"""What Docker and nvidia-smi say, as they say it, where all is well and where something is missing.

`docker info` is that of a Docker 20.10 without GPUs, shortened; its refusals were said by it. nvidia-smi's words are
written from memory: no GPU was there to record.
"""

from acceptance.commands import CommandResult

INFO = {
    "KernelVersion": "6.1.0-13-amd64",
    "ServerVersion": "20.10.24+dfsg1",
    "OperatingSystem": "Debian GNU/Linux 12 (bookworm)",
    "DefaultRuntime": "runc",
    "Runtimes": {
        "io.containerd.runc.v2": {"path": "runc"},
        "io.containerd.runtime.v1.linux": {"path": "runc"},
        "runc": {"path": "runc"},
    },
}
GPU_INFO = {**INFO, "Runtimes": {**INFO["Runtimes"], "nvidia": {"args": [], "path": "nvidia-container-runtime"}}}  # type: ignore[dict-item]

VEGETA = CommandResult(0, "Version: \nCommit: \nRuntime: go1.27.3 linux/amd64\nDate: \n")
NOT_STARTED = CommandResult(1, "standard_init_linux.go:228: exec user process caused: exec format error\n")

LISTED = CommandResult(0, "NVIDIA A100-SXM4-40GB, 535.183.01, 8.0\nTesla T4, 535.183.01, 7.5\n")
OLD_DRIVER = CommandResult(0, "Tesla V100-SXM2-16GB, 418.67, 7.0\n")
OLD_GPU = CommandResult(0, "GeForce GTX 580, 418.87.00, 2.0\n")
CONSUMER_GPU = CommandResult(0, "NVIDIA GeForce RTX 4090, 550.54.15, 8.9\n")
VOLTA = CommandResult(0, "Tesla V100-SXM2-16GB, 580.65.06, 7.0\n")
NO_CAPABILITY = CommandResult(0, "Tesla K80, 470.256.02\n")
UNKNOWN_FIELD = CommandResult(2, 'Field "compute_cap" is not a valid field to query.\n')
NO_DRIVER = CommandResult(127, "nvidia-smi is not on the PATH: this machine has no NVIDIA driver")
NOT_LOADED = CommandResult(
    9,
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. "
    "Make sure that the latest NVIDIA driver is installed and running.\n",
)
MISMATCH = CommandResult(18, "Failed to initialize NVML: Driver/library version mismatch\n")
NO_DEVICES = CommandResult(6, "No devices were found\n")
NO_TOOLKIT = CommandResult(
    125, 'Docker, starting nvidia-smi: could not select device driver "" with capabilities: [[gpu]]'
)
NOT_INJECTED = CommandResult(
    125,
    "Docker, starting nvidia-smi: failed to create shim task: OCI runtime create failed: runc create failed: unable to "
    'start container process: exec: "nvidia-smi": executable file not found in $PATH: unknown',
)

# the errors of a connection
PERMISSION = (
    "Error while fetching server API version: ('Connection aborted.', PermissionError(13, 'Permission denied'))"
)
FETCHING = "Error while fetching server API version: "
NO_SOCKET = f"{FETCHING}('Connection aborted.', FileNotFoundError(2, 'No such file or directory'))"
REFUSED = (
    "Error while fetching server API version: HTTPConnectionPool(host='127.0.0.1', port=1): Max retries exceeded with "
    "url: /version (Caused by NewConnectionError(\"HTTPConnection(host='127.0.0.1', port=1): Failed to establish a new "
    'connection: [Errno 111] Connection refused"))'
)
TOO_NEW = "500 Server Error: client version 1.51 is too new. Maximum supported API version is 1.41"
