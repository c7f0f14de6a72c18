"""Which of NVIDIA's CUDA base images a driver can run."""

from acceptance.errors import BadSetting
from acceptance.gpu import nvidia_smi

# tags that the node images are built on, one a CUDA version; not every version that there is
BASES = ("11.8.0", "12.2.2", "12.4.1", "12.6.3", "12.8.1", "12.9.1", "13.0.2")
SUFFIX = "base-ubuntu22.04"
REBUILD = "build one that fits with `make images IMAGES=k3s-cuda`"


def base_for(driver: str) -> str:
    """Return the tag of the newest base that isn't newer than the driver's CUDA version, as `nvidia-smi` says it.

    Raises BadSetting where every one is.
    """
    fit = [base for base in BASES if nvidia_smi.numbers(base)[:2] <= nvidia_smi.numbers(driver)[:2]]
    if not fit:
        least = ".".join(BASES[0].split(".")[:2])
        raise BadSetting(
            f"the NVIDIA driver's CUDA version is {driver or 'unknown'}; the oldest CUDA base image is for {least}: "
            f"install a newer driver, {nvidia_smi.DRIVERS}"
        )
    return f"{fit[-1]}-{SUFFIX}"


def too_new(image: str, built_on: str, driver: str) -> str:
    """Return "", or that the image's CUDA is too new for the driver's CUDA version."""
    if nvidia_smi.numbers(built_on)[:2] <= nvidia_smi.numbers(driver)[:2]:
        return ""
    return (
        f"image {image} is built on CUDA {built_on}, which is too new for the NVIDIA driver's CUDA version "
        f"{driver or 'unknown'}: {REBUILD}, or install a newer driver, {nvidia_smi.DRIVERS}"
    )


def for_this_machine() -> str:
    """Return the tag of the base for this machine's driver; raises BadSetting where it has none, or an old one."""
    missing = nvidia_smi.no_gpu(nvidia_smi.ask(nvidia_smi.query(nvidia_smi.OLD_FIELDS)))
    if missing:
        raise BadSetting(f"{missing}; or name the CUDA base: CUDA={BASES[-1]}-{SUFFIX}")
    return base_for(nvidia_smi.cuda_version(nvidia_smi.ask(["nvidia-smi"]).text))
