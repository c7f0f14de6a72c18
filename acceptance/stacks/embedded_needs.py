"""What the embedded target's processes need of this machine, measured, and what of it isn't there."""

import resource
from pathlib import Path

from acceptance.errors import Problem, problem_of
from acceptance.load import vegeta
from acceptance.processes import machine
from acceptance.processes.memory import no_memory
from acceptance.processes.rlimits import Limit, too_low
from acceptance.serving import triton_wheel
from acceptance.settings import Settings

# each line has the peak of runs on two cores; the rest is margin: more cores take more threads and addresses
LIMITS = (
    # Triton had 66 files open beside a stalled load's connections, vegeta 7
    Limit(resource.RLIMIT_NOFILE, "n", "open files", vegeta.MOST_CONNECTIONS + 128),
    # the trainer on the stand-in: 3.4 GiB mapped, 1.1 GiB of it data
    Limit(resource.RLIMIT_AS, "v", "KiB of address space", 5 << 30, unit=1024),
    Limit(resource.RLIMIT_DATA, "d", "KiB of data", 2 << 30, unit=1024),
    # the archive of CIFAR-10 has 170 MB, and nothing else comes near
    Limit(resource.RLIMIT_FSIZE, "f", "KiB a file", 256 << 20, unit=1024),
)
# a Triton takes 2 MiB, and on a GPU there are two: twice that
SHARED_MEMORY_BYTES = 8 << 20
# all processes at once: 1.7 GiB on the stand-in, 2.2 GiB on CIFAR-10, of which pytest has its part already
STAND_IN_BYTES, CIFAR10_BYTES = 3 << 29, 1 << 31
# 95 at once, most of them Triton's
THREADS = 150
# MLflow's, and three of each of the two Tritons, at once
PORTS = 7


def problems(settings: Settings, temporary: Path) -> list[Problem]:
    """Return what of it can't be had; `temporary`: where the run's own directory will be."""
    found = (
        problem_of(vegeta.find_vegeta),
        problem_of(triton_wheel.check_programs),
        triton_wheel.problem_with(temporary),
        machine.not_executable(temporary, "TMPDIR"),
        machine.not_a_place(triton_wheel.WORKING, "Triton's Python backend makes a folder there, whatever TMPDIR says"),
        machine.no_shared_memory(SHARED_MEMORY_BYTES),
        *(too_low(limit) for limit in LIMITS),
        no_memory(STAND_IN_BYTES if settings.data == "digits" else CIFAR10_BYTES),
        machine.no_threads(THREADS),
        machine.no_ports(PORTS),
    )
    return [problem for problem in found if problem]
