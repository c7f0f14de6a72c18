"""The environment of this process, and of those that it starts."""

import os

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def prepare_environment() -> None:
    """Keep a run from the user's own MLflow and from a company's proxy.

    MLflow takes any of its options from a variable: an experiment, where artifacts go, the server's address.
    """
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "_MLFLOW_"))]:
        del os.environ[name]
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"  # else it tries a dead server for minutes
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "14"  # twice, and a silent one is named within 30 s
    for name in ("no_proxy", "NO_PROXY"):
        known = [item for item in os.environ.get(name, "").split(",") if item]
        os.environ[name] = ",".join([*known, *(item for item in LOOPBACK if item not in known)])
    if os.environ.get("KUBECONFIG"):  # the guardian, which needs it as well, runs in another folder
        files = os.environ["KUBECONFIG"].split(os.pathsep)
        os.environ["KUBECONFIG"] = os.pathsep.join(os.path.abspath(file) for file in files if file)  # noqa: PTH100
