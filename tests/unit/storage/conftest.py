"""A real MinIO with a bucket, and the variables by which a client reaches it."""

from collections.abc import Iterator

import pytest

from acceptance.storage.bucket import Bucket
from acceptance.storage.location import Location
from tests.minio import Minio, running_minio


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Minio]:
    with running_minio(tmp_path_factory.mktemp("minio")) as minio:
        minio.client().create_bucket(Bucket="models")
        yield minio


@pytest.fixture
def account(minio, monkeypatch, tmp_path):
    """The account's variables, and nothing of the user's own."""
    for name, value in {**minio.variables, "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def bucket(account) -> Bucket:
    return Bucket(Location("models", "ci/run-1"))
