"""Whether this machine will do, asked by tools/setup with the Python that is to be used: it has no packages yet.

`python tools/check_machine.py KIB`: the free space that is needed. Ends with one line on what is missing.
"""

import ctypes.util
import importlib.util
import platform
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

LEAST_GLIBC = (2, 35)


def wrong_libc(name: str, version: str) -> str:
    if name == "glibc" and tuple(map(int, version.split("."))) >= LEAST_GLIBC:
        return ""
    return (
        f"the C library is {name or 'unknown'} {version}; NVIDIA Triton needs glibc 2.35 or later "
        "(Debian 12, Ubuntu 22.04)"
    )


def no_shared_library(files: Sequence[Path], found: str | None) -> str:
    """Say that Python's own shared library is in none of its usual places; `found`: where else the loader has it."""
    if found or any(file.exists() for file in files):
        return ""
    return (
        f"{files[0]} is missing; NVIDIA Triton needs Python's shared library (Debian: libpython3.11; "
        "pyenv: --enable-shared)"
    )


def no_room(folder: Path, free_kib: int, needed_kib: int) -> str:
    if free_kib >= needed_kib:
        return ""
    return f"{free_kib / 2**20:.1f} GiB free in {folder}; the set-up needs {needed_kib / 2**20:.0f} GiB"


def missing_modules(modules: Sequence[str] = ("ensurepip", "venv")) -> str:
    missing = next((name for name in modules if not importlib.util.find_spec(name)), "")
    return f"{sys.executable} lacks {missing}; install it (Debian: python3-venv)" if missing else ""


def problem(needed_kib: int) -> str:
    """Return what is wrong with this machine, "" where nothing is."""
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    folders = [sysconfig.get_config_var("LIBDIR") or "", Path(sys.base_prefix, "lib")]
    files = [Path(folder, f"lib{name}.so.1.0") for folder in folders]
    return (
        wrong_libc(*platform.libc_ver())
        or no_shared_library(files, ctypes.util.find_library(name))
        or no_room(Path.cwd(), shutil.disk_usage(".").free // 1024, needed_kib)
        or missing_modules()
    )


if __name__ == "__main__":
    found = problem(int(sys.argv[1]))
    sys.exit(f"setup: {found}" if found else 0)
