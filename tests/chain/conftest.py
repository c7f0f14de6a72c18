"""What the tests of the whole chain share."""

import pytest

from tests.chain.leftovers import leftovers
from tests.running import keras_settings, run_chain


@pytest.fixture(scope="session")
def chain(tmp_path_factory):
    """One run of every scenario in the real processes, on the stand-in, that left nothing behind."""
    folder = tmp_path_factory.mktemp("chain")
    (folder / "tmp").mkdir()
    result = run_chain(
        folder,
        "--data=digits",
        TMPDIR=str(folder / "tmp"),
        # what a user may have set for other programs: each would break the run, change it, or send its models elsewhere
        HOME=str(keras_settings(folder / "home")),
        KERAS_BACKEND="jax",
        PYTHONSAFEPATH="1",
        PYTHONWARNINGS="error",
        PYTHONIOENCODING="ascii",
        PYTHONPATH="/nowhere",
        UVICORN_SSL_KEYFILE="/nowhere/key",
        UVICORN_SSL_CERTFILE="/nowhere/certificate",
        grpc_proxy="http://127.0.0.1:9",
        no_grpc_proxy="example.com",
        HTTP_PROXY="http://127.0.0.1:9",
        MLFLOW_EXPERIMENT_ID="7",
        MLFLOW_DEFAULT_ARTIFACT_ROOT="s3://no-such-bucket",
        MLFLOW_SERVE_ARTIFACTS="false",
        MLFLOW_STATIC_PREFIX="/mlflow",
    )
    assert leftovers(folder) == []
    return result
