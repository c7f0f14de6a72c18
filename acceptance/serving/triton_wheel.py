"""NVIDIA Triton out of the nvidia-pytriton wheel, started by itself."""

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping
from pathlib import Path

from acceptance.environment import Kind, environment_of
from acceptance.errors import AcceptanceError, Problem

# where Python backends make their folders is compiled in
WORKING = Path("/tmp")  # noqa: S108


def wheel_root() -> Path:
    """Return the folder of the wheel's `pytriton` package, which isn't imported."""
    found = importlib.util.find_spec("pytriton")
    if not found or not found.origin:
        raise AcceptanceError("the nvidia-pytriton wheel is not installed; `make setup` installs it")
    return Path(found.origin).parent


def server_program() -> Path:
    return wheel_root() / "tritonserver/bin/tritonserver"


def stub_program() -> Path:
    """Return this Python's stub, in which the Python backend runs a model; raises AcceptanceError without it."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = wheel_root() / "tritonserver/python_backend_stubs" / version / "triton_python_backend_stub"
    if not stub.exists():
        raise AcceptanceError(f"{stub}: missing; the nvidia-pytriton wheel has no stub for Python {version}")
    return stub


def copy_backends(directory: Path) -> Path:
    """Copy the wheel's backends and this Python's stub into a folder of the run's own: Triton demands to own it."""
    backends = directory / "backends"
    shutil.copytree(wheel_root() / "tritonserver/backends", backends)
    copied = Path(shutil.copy(stub_program(), backends / "python"))
    copied.chmod(0o755)
    return backends


def environment() -> dict[str, str]:
    """Return what the server and its stub need to find their libraries."""
    libraries = [
        str(wheel_root().parent / "nvidia_pytriton.libs"),
        sysconfig.get_config_var("LIBDIR"),
        str(Path(sys.base_prefix) / "lib"),  # where a Python that was moved after its build has its library
        os.environ.get("LD_LIBRARY_PATH", ""),
    ]
    return {"LD_LIBRARY_PATH": ":".join(filter(None, libraries))}


def problem_with(temporary: Path) -> Problem | None:
    """Say that the Python backend could not load a model from a folder below this one."""
    if str(temporary).isascii():
        return None
    return Problem(
        f"TMPDIR={temporary}: Triton's Python backend takes only paths of ASCII characters",
        "name another folder with TMPDIR",
    )


def check_programs(environ: Mapping[str, str] = os.environ) -> None:
    """Raise AcceptanceError for a program or a library that isn't there; Triton would hang while it loads the model."""
    programs = (server_program(), stub_program())
    ldd = shutil.which("ldd", path=f"{environ.get('PATH', '')}:/usr/bin:/bin")
    variables = {**environment_of(Kind.OWN, Path(tempfile.gettempdir()), environ), **environment()}
    for program in programs if ldd else ():
        answer = subprocess.run([str(ldd), program], capture_output=True, encoding="utf-8", check=False, env=variables)
        missing = [line.split()[0] for line in answer.stdout.splitlines() if "not found" in line]
        if missing:
            raise AcceptanceError(
                f"{program.name}: lacks {', '.join(missing)}; install a Python that has its shared library "
                "(Debian: libpython3.11) and glibc 2.35 or later"
            )


def working_folders() -> set[Path]:
    """Return the folders that Python backends made; a killed one leaves its own."""
    return set(WORKING.glob("python_env_*"))


def remove_leftovers(shared_memory: str, folders: set[Path]) -> None:
    """Remove what a server that was killed left: its shared memory, and those of the folders that are empty."""
    for region in Path("/dev/shm").glob(f"{shared_memory}*"):  # noqa: S108
        region.unlink(missing_ok=True)
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def command(
    repository: Path, backends: Path, shared_memory: str, http: int, grpc: int, metrics: int
) -> list[str | Path]:
    """Return the command that serves the repository on 127.0.0.1 alone; its shared memory has the prefix."""
    return [
        server_program(),
        f"--model-repository={repository}",
        f"--backend-directory={backends}",
        "--http-address=127.0.0.1",
        f"--http-port={http}",
        "--grpc-address=127.0.0.1",
        f"--grpc-port={grpc}",
        "--metrics-address=127.0.0.1",
        f"--metrics-port={metrics}",
        f"--backend-config=python,shm-region-prefix-name={shared_memory}",
        "--exit-on-error=true",
        "--disable-auto-complete-config",
        "--cache-directory=" + str(wheel_root() / "tritonserver/caches"),
    ]
