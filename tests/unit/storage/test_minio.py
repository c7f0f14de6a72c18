"""A run's own MinIO, as a real process with TLS: its client needs nothing of the user's, and says what is wrong."""

import dataclasses
from pathlib import Path

import pytest

from acceptance.errors import AcceptanceError, Unrecoverable
from acceptance.health import unready
from acceptance.storage.bucket import Bucket
from acceptance.storage.certificate import issue
from acceptance.storage.checks import try_out
from acceptance.storage.location import Location
from acceptance.storage.minio import Minio
from acceptance.storage.variables import Account
from tests.minio import running_minio

PLACE = Location("models", "run-1")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_minio(tmp_path_factory.mktemp("minio"), tls=True) as minio:
        yield minio


@pytest.fixture
def account(server, monkeypatch) -> Account:
    """The account of a run's own MinIO, where the user's own settings name all that is wrong."""
    others = {
        "AWS_PROFILE": "nobody",
        "AWS_CONFIG_FILE": "/nowhere",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "another",
        "AWS_SECRET_ACCESS_KEY": "another",
        "AWS_SESSION_TOKEN": "another",
        "AWS_CA_BUNDLE": "/nowhere",
        "AWS_DEFAULT_REGION": "nowhere-1",
    }
    for name, value in others.items():
        monkeypatch.setenv(name, value)
    return Account(server.endpoint, server.user, server.password, Path(server.authority))


def test_it_is_used_with_its_own_account_and_authority_whatever_the_users_environment_says(account, server):
    bucket = Bucket(PLACE, account)
    bucket.make()
    try_out(bucket)
    assert bucket.variables().items() >= server.variables.items()
    assert bucket.variables()["MLFLOW_S3_ENDPOINT_URL"] == server.endpoint
    assert "AWS_SESSION_TOKEN" not in bucket.variables()


@pytest.fixture
def stranger(tmp_path) -> Path:
    """The file of an authority that signed nothing here."""
    file = tmp_path / "authority.crt"
    file.write_text(issue(["minio"]).authority)
    return file


def test_an_authority_or_a_key_that_is_wrong_is_named(account, stranger):
    for changed, words in (
        ({"authority": stranger}, "making the bucket: .*certificate verify failed.*authority"),
        ({"secret_key": "another"}, "making the bucket: .*SignatureDoesNotMatch"),
        ({"access_key": "another"}, "making the bucket: .*InvalidAccessKeyId"),
    ):
        with pytest.raises(AcceptanceError, match=f"{PLACE}: {words}"):
            Bucket(PLACE, dataclasses.replace(account, **changed)).make()


def test_a_server_with_another_certificate_is_named_at_once_and_its_own_is_waited_for(account, stranger):
    url = f"{account.endpoint}/minio/health/ready"
    assert unready("MinIO", url, authority=account.authority) == ""
    with pytest.raises(Unrecoverable, match=r"MinIO at https://127.*: something else answers there: .*verify failed"):
        unready("MinIO", url, authority=stranger)
    assert "does not answer yet" in unready("MinIO", "https://127.0.0.1:9/", authority=account.authority)


def test_no_two_have_the_same_account_and_no_secret_is_shown(tmp_path):
    one, other = (Minio(tmp_path / name, ["minio"]) for name in ("one", "other"))
    assert len({one.user, other.user, one.password, other.password}) == 4
    assert len(one.password) > 20
    assert one.password not in repr(one.account("minio:9000"))
    assert "PRIVATE" not in one.authority.read_text()
