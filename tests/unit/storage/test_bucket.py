"""A run's own prefix in a real object store: what is done there, and that nothing else is touched."""

import pytest

from acceptance.errors import AcceptanceError
from acceptance.storage import cleanup
from acceptance.storage.bucket import Bucket
from acceptance.storage.checks import LARGE_BYTES, look_at, try_out
from acceptance.storage.errors import KEYS
from acceptance.storage.location import Location
from tests.minio import running_minio


@pytest.fixture
def store(minio):
    """The whole store, as its administrator sees it."""
    return minio.client()


def keys(store, name="models"):
    return [one["Key"] for one in store.list_objects_v2(Bucket=name).get("Contents", [])]


def test_what_is_written_is_listed_and_read_back(bucket, store):
    bucket.put("a", b"1")
    bucket.put("deep/b", b"2" * (LARGE_BYTES // 2))
    assert sorted(bucket.names()) == ["a", "deep/b"]
    assert (bucket.get("a"), len(bucket.get("deep/b"))) == (b"1", LARGE_BYTES // 2)
    assert bucket.notes == []
    bucket.delete_all()
    assert keys(store) == []


def test_only_the_runs_own_prefix_is_deleted(bucket, store):
    for key in ("ci/run-10/a", "ci/run-1.txt", "other"):
        store.put_object(Bucket="models", Key=key, Body=b"mine")
    bucket.put("a", b"1")
    bucket.delete_all()
    assert sorted(keys(store)) == ["ci/run-1.txt", "ci/run-10/a", "other"]
    for key in keys(store):
        store.delete_object(Bucket="models", Key=key)


def test_every_version_goes(account, store):
    store.create_bucket(Bucket="versioned")
    store.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    bucket = Bucket(Location("versioned", "run-1"))
    for data in (b"1", b"2"):
        bucket.put("a", data)
    store.delete_object(Bucket="versioned", Key="run-1/a")
    bucket.delete_all()
    left = store.list_object_versions(Bucket="versioned")
    assert (left.get("Versions"), left.get("DeleteMarkers")) == (None, None)


def test_a_store_that_does_it_all_is_tried_out_and_nothing_of_it_stays(bucket, store):
    try_out(bucket)
    assert keys(store) == []


def test_a_bucket_that_forbids_deleting_is_named_before_anything_is_trained(account, store):
    store.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
    store.put_object_lock_configuration(
        Bucket="locked", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    with pytest.raises(AcceptanceError, match=r"s3://locked/run-1: .*(retention|WORM|ObjectLocked)"):
        try_out(Bucket(Location("locked", "run-1")))


def test_a_bucket_that_is_not_there_is_named(account):
    with pytest.raises(AcceptanceError, match=r"s3://nowhere/ci: listing: .*no such bucket.*NoSuchBucket.*--store"):
        look_at(Location("nowhere", "ci"))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("AWS_ACCESS_KEY_ID", "nobody", "InvalidAccessKeyId.*AWS_ACCESS_KEY_ID"),
        ("AWS_SECRET_ACCESS_KEY", "wrong", "SignatureDoesNotMatch.*AWS_SECRET_ACCESS_KEY"),
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9", "127.0.0.1:9.*AWS_ENDPOINT_URL_S3"),
        ("AWS_ENDPOINT_URL_S3", "nonsense", "nonsense.*AWS_ENDPOINT_URL"),
        ("AWS_PROFILE", "nobody", "nobody.*AWS_PROFILE"),
    ],
)
def test_an_account_that_is_wrong_is_named_with_its_variable(account, monkeypatch, name, value, words):
    monkeypatch.setenv(name, value)
    with pytest.raises(AcceptanceError, match=f"s3://models/ci: .*{words}"):
        look_at(Location("models", "ci"))


def test_keys_that_are_replaced_while_a_run_goes_on_are_named_in_all_that_it_does(monkeypatch, tmp_path):
    with running_minio(tmp_path) as before:
        for name, value in before.variables.items():
            monkeypatch.setenv(name, value)
        before.client().create_bucket(Bucket="models")
        bucket = Bucket(Location("models", "ci/run-1"))
        bucket.put("a", b"1")
    with running_minio(tmp_path, before) as after:
        does = {"writing": lambda: bucket.put("b", b"2"), "reading a": lambda: bucket.get("a"), "listing": bucket.names}
        for doing, action in {**does, "deleting": bucket.delete_all}.items():
            with pytest.raises(AcceptanceError, match=f"s3://models/ci/run-1: {doing}.*{KEYS}"):
                action()
        assert after.keys("models") == ["ci/run-1/a"]


def test_without_any_account_it_says_what_to_set(account, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(AcceptanceError, match=r"s3://models/ci: .*credentials.*AWS_ACCESS_KEY_ID"):
        look_at(Location("models", "ci"))


def test_the_guardians_program_deletes_the_prefix_and_says_what_it_cannot(bucket, store, capsys):
    bucket.put("a", b"1")
    assert cleanup.main("s3://models/ci/run-1") == 0
    assert keys(store) == []
    assert cleanup.main("s3://nowhere/ci") == 1
    assert "s3://nowhere/ci: deleting: there is no such bucket" in capsys.readouterr().err


def test_a_child_gets_what_it_needs_to_reach_the_store(bucket, minio):
    found = bucket.variables()
    assert minio.variables.items() <= found.items()
    assert found["MLFLOW_S3_ENDPOINT_URL"] == minio.endpoint
