"""The environment of pytest's own process; acceptance/environment.py has that of its children."""

import os
import tempfile
import warnings
from collections.abc import Collection
from pathlib import Path

from acceptance.environment import around_loopback, user_name


def prepare_environment(kept: Collection[str] = ()) -> None:
    """Keep a run from the user's own MLflow and from a company's proxy.

    MLflow takes any of its options from a variable: an experiment, where artifacts go, the server's address. `kept`:
    those by which it reaches a server that the user named.
    """
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "_MLFLOW_"))]:
        if name not in kept:
            del os.environ[name]
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"  # else it tries a dead server for minutes
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "14"  # twice, and a silent one is named within 30 s
    # else it fetches a model from the object store itself, whose address and authority are those of MLflow's pod
    os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD"] = "false"
    os.environ.update(around_loopback(os.environ))
    os.environ.setdefault("LOGNAME", user_name())  # libraries ask for it, and not all of them take an answer of none
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = tempfile.gettempdir()
    if os.environ.get("PYTHONWARNINGS"):  # what a library warns of is no error of a run
        warnings.simplefilter("default")
    if os.environ.get("KUBECONFIG"):  # the guardian, which needs it as well, runs in another folder
        files = os.environ["KUBECONFIG"].split(os.pathsep)
        os.environ["KUBECONFIG"] = os.pathsep.join(os.path.abspath(file) for file in files if file)  # noqa: PTH100
