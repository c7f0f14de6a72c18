"""What processes need of this machine, tried rather than read: places to write and to run from, ports, threads."""

import contextlib
import errno
import mmap
import os
import socket
import sys
import tempfile
from pathlib import Path

from acceptance.commands import run_command
from acceptance.errors import Problem

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108
CONNECT_SECONDS = 5
THREADS_SECONDS = 20
# with little stack each, for they do nothing
START_THREADS = """
import _thread, os, sys
_thread.stack_size(1 << 16)
hold, started = _thread.allocate_lock(), 0
hold.acquire()
try:
    while started < int(sys.argv[1]):
        _thread.start_new_thread(hold.acquire, ())
        started += 1
except RuntimeError:
    pass
print(started, flush=True)
os._exit(0)
"""


def not_executable(folder: Path, option: str) -> Problem | None:
    """Say that no code in the folder can be mapped, as on a file system mounted with noexec."""
    with contextlib.ExitStack() as context:
        try:
            file = context.enter_context(tempfile.TemporaryFile(dir=folder))
            file.truncate(mmap.PAGESIZE)
        except OSError:
            return None  # that it can't be written is said by its own check
        try:
            mmap.mmap(file.fileno(), mmap.PAGESIZE, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC).close()
        except OSError as error:
            return Problem(
                f"{option}={folder}: programs and libraries in it can't be run ({error.strerror}), as with the mount "
                "option noexec; Triton's are copied there",
                f"name another folder with {option}, or `mount -o remount,exec` its file system",
            )
    return None


def not_a_place(folder: Path, why: str) -> Problem | None:
    """Say that no folder can be made in `folder`, whose name can't be chosen; `why`: what makes one."""
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix="triton-acceptance-check-"):
            return None
    except OSError as error:
        return Problem(f"{folder}: no folder can be made in it ({error.strerror})", f"make it writable: {why}")


def no_shared_memory(needed: int, folder: Path = SHARED_MEMORY) -> Problem | None:
    """Say that shared memory of `needed` bytes can't be had."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            os.posix_fallocate(file.fileno(), 0, needed)
    except OSError as error:
        return Problem(
            f"{folder}: {needed >> 20} MiB of shared memory can't be had there ({error.strerror}); Triton needs it",
            "`mount -o remount,size=1g /dev/shm`, or `--shm-size=1g` of a container; an emptyDir with `medium: Memory` "
            "in a pod; see what others left with `ls -l /dev/shm`",
        )
    return None


def no_ports(count: int) -> Problem | None:
    """Say that not so many ports of 127.0.0.1 can be listened on at once, or that they can't be reached."""
    try:
        with contextlib.ExitStack() as context:
            servers = [context.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
            with socket.create_connection(servers[-1].getsockname(), CONNECT_SECONDS):
                return None
    except OSError as error:
        if error.errno == errno.EMFILE:
            return None  # that the limit of open files is too low is said by its own check
        return Problem(
            f"127.0.0.1: {count} free ports can't be listened on and reached ({error.strerror or error})",
            "`ip link set lo up` where the loopback device is down; let no firewall refuse 127.0.0.1; widen "
            "`sysctl net.ipv4.ip_local_port_range`",
        )


def no_threads(count: int) -> Problem | None:
    """Say that so many threads can't be started at once, by this user's limit or by a container's.

    A process of its own tries: what threads take of a process, they don't give back.
    """
    tried = run_command([sys.executable, "-IS", "-c", START_THREADS, str(count)], THREADS_SECONDS)
    started = tried.output.strip()
    if tried.code == 0 and started == str(count):
        return None
    return Problem(
        f"only {started if tried.code == 0 else 0} of the {count} threads that a run needs can be started",
        "raise `ulimit -u`, or `--pids-limit` of a container, TasksMax of a service, podPidsLimit of a kubelet",
    )
