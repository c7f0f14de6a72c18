"""What the tests of the whole chain share."""

import pytest

from tests.chain.leftovers import leftovers
from tests.running import run_chain


@pytest.fixture(scope="session")
def chain(tmp_path_factory):
    """One run of every scenario in the real processes, on the stand-in, that left nothing behind."""
    folder = tmp_path_factory.mktemp("chain")
    (folder / "tmp").mkdir()
    result = run_chain(
        folder,
        "--data=digits",
        TMPDIR=str(folder / "tmp"),
        # what a user who works with MLflow may have set: each would break the run, or send its models elsewhere
        MLFLOW_EXPERIMENT_ID="7",
        MLFLOW_DEFAULT_ARTIFACT_ROOT="s3://no-such-bucket",
        MLFLOW_SERVE_ARTIFACTS="false",
        MLFLOW_STATIC_PREFIX="/mlflow",
    )
    assert leftovers(folder) == []
    return result
