"""Which of NVIDIA's CUDA base images a driver can run."""

from acceptance.errors import BadSetting, Problem
from acceptance.gpu.nvidia_smi import DRIVERS, find_gpus, numbers

# tags that the node images are built on, one a CUDA version; not every version that there is
BASES = ("11.8.0", "12.2.2", "12.4.1", "12.6.3", "12.8.1", "12.9.1", "13.0.2")
SUFFIX = "base-ubuntu22.04"
REBUILD = "build one that fits with `make images IMAGES=k3s-cuda`"


def base_for(driver: str) -> str:
    """Return the tag of the newest base that isn't newer than the driver's CUDA version, as `nvidia-smi` says it.

    Raises BadSetting where every one is.
    """
    if problem := no_base(driver):
        raise BadSetting(problem)
    return f"{fitting(driver)[-1]}-{SUFFIX}"


def no_base(driver: str) -> Problem | None:
    """Say that the driver's CUDA version is older than that of every base."""
    if fitting(driver):
        return None
    least = ".".join(BASES[0].split(".")[:2])
    return Problem(
        f"the NVIDIA driver's CUDA version is {driver or 'unknown'}; the oldest CUDA base image is for {least}",
        f"install a newer driver, {DRIVERS}",
    )


def fitting(driver: str) -> list[str]:
    return [base for base in BASES if numbers(base)[:2] <= numbers(driver)[:2]]


def too_new(image: str, built_on: str, driver: str) -> Problem | None:
    """Say that the image's CUDA is too new for the driver's CUDA version."""
    if numbers(built_on)[:2] <= numbers(driver)[:2]:
        return None
    return Problem(
        f"image {image} is built on CUDA {built_on}, which is too new for the NVIDIA driver's CUDA version "
        f"{driver or 'unknown'}",
        f"{REBUILD}, or install a newer driver, {DRIVERS}",
    )


def base_for_this_machine() -> str:
    """Return the tag of the base for this machine's driver; raises BadSetting where it has none, or an old one."""
    found = find_gpus()
    if isinstance(found, Problem):
        name_one = f"name the CUDA base, CUDA={BASES[-1]}-{SUFFIX}"
        raise BadSetting(Problem(found.what, f"{found.fix}; or {name_one}" if found.fix else name_one))
    return base_for(found[0].cuda)
