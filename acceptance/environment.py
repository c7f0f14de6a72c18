"""What the suite's children get of the user's environment, from lists, and what the suite sets for them.

docs/environment.md says the same to users; a test compares the two.
"""

import getpass
import os
import sys
from collections.abc import Mapping
from enum import Enum
from fnmatch import fnmatchcase
from pathlib import Path

from acceptance.redaction.patterns import is_secret_name

LOOPBACK = ("127.0.0.1", "localhost", "::1")
# gRPC asks no_proxy only where it has no exceptions of its own
EXCEPTIONS = ("no_proxy", "NO_PROXY", "no_grpc_proxy")
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
UTF8 = "C.UTF-8"

NETWORK = (
    *("http_proxy", "https_proxy", "all_proxy", "grpc_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", *EXCEPTIONS),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
)
EVERYWHERE = ("PATH", "LD_LIBRARY_PATH", "NO_COLOR", "TZ")
COMPUTING = (
    *("CUDA_*", "NVIDIA_*", "NCCL_*", "XLA_FLAGS", "TF_*"),
    # how many threads, and which instructions
    *("OMP_*", "GOMP_*", "KMP_*", "MKL_*", "OPENBLAS_*", "NUMEXPR_*", "ONEDNN_*", "DNNL_*", "GOMAXPROCS"),
)
# who the user is, and how programs talk to them and to their keys
ACCOUNT = (
    *("HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "LANGUAGE", "LC_*", "TMPDIR", "XDG_*"),
    *("SSH_*", "GNUPGHOME", "GPG_*", "PASSWORD_STORE_*", "DBUS_SESSION_BUS_ADDRESS", "KRB5*"),
    # what finds a program that a version manager, or Windows, has installed
    *("ASDF_*", "MISE_*", "AQUA_*", "NIX_*", "SNAP_*", "WSL*"),
)
CLUSTERS = (
    *("KUBE*", "HELM_*", "DOCKER_*", "BUILDKIT_*", "BUILDX_*", "CONTAINER*", "PODMAN_*", "REGISTRY_*"),
    *("KIND_*", "K3D_*", "K3S_*", "TESTCONTAINERS_*", "RYUK_*", "GODEBUG"),
)
CLOUDS = (
    *("AWS_*", "AZURE_*", "ARM_*", "AAD_*", "MSI_*", "IDENTITY_*", "GOOGLE_*", "CLOUDSDK_*", "GCLOUD_*", "GCE_*"),
    *("USE_GKE_*", "OCI_*", "OS_*", "IBMCLOUD_*", "DIGITALOCEAN_*", "ALIBABA_*", "ALICLOUD_*", "VAULT_*"),
    *("TELEPORT_*", "TSH_*", "OIDC_*"),
)


class Kind(Enum):
    """A kind of child: the patterns of the variables that it gets of the user's."""

    OWN = (*EVERYWHERE, *NETWORK, *COMPUTING)
    """MLflow, the trainer, Triton and its stub, vegeta, the guardian: a home of the run's own, and no secrets."""
    USERS = (*EVERYWHERE, *NETWORK, *COMPUTING, *ACCOUNT, *CLUSTERS, *CLOUDS)
    """The user's own programs: kubectl, docker, kind, k3d, nvidia-smi; their secrets are what they log in with."""


def environment_of(
    kind: Kind, run_directory: Path | None = None, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return the environment of a child, without what its own command needs besides.

    `run_directory` has the folders `home` and `tmp`: a child of the run's own gets both, any other `tmp` alone.
    """
    kept = {name: value for name, value in environ.items() if any(fnmatchcase(name, one) for one in kind.value)}
    kept["PATH"] = kept.get("PATH") or SYSTEM_PATH
    kept |= around_loopback(environ)
    if run_directory:
        kept["TMPDIR"] = str(run_directory / "tmp")
    if kind is Kind.USERS:
        return kept
    assert run_directory, "a child of the run's own needs its directory"
    home = run_directory / "home"
    user = user_name()
    return {name: value for name, value in kept.items() if not is_secret_name(name)} | {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), kept["PATH"], SYSTEM_PATH)),
        "HOME": str(home),
        "KERAS_HOME": str(home / ".keras"),
        "USER": user,
        "LOGNAME": user,
        "LC_ALL": UTF8,
        "PYTHONUTF8": "1",
    }


def around_loopback(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that name what no proxy is for, with this machine's own addresses among it."""
    exceptions = {}
    for name in EXCEPTIONS:
        given = next((environ[one] for one in (name, "no_proxy", "NO_PROXY") if one in environ), "")
        known = [item.strip() for item in given.split(",") if item.strip()]
        exceptions[name] = ",".join([*known, *(item for item in LOOPBACK if item not in known)])
    return exceptions


def is_loopback(address: str) -> bool:
    """Say whether `host:port` is this machine's own."""
    return address.rpartition(":")[0].strip("[]") in LOOPBACK


def user_name() -> str:
    """Return the user's name; an account without an entry in the passwd file, as on OpenShift, has a number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"
