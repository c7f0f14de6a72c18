"""The run's MLflow with an object store: what it is given, and what its pod sees of the store first."""

import os
import subprocess
import sys

import pytest

from acceptance.kubernetes import manifests
from acceptance.stacks.kubernetes_objects import mlflow
from acceptance.storage.location import Location
from tests.minio import Minio, running_minio

NOBODY = Minio("http://127.0.0.1:9")


class Store:
    """In the place of a run's prefix in a bucket."""

    location = Location("models", "ci/run")
    artifacts = location.beneath("artifacts")

    def __init__(self, minio, authority=""):
        self.minio, self.authority = minio, authority

    def variables(self):
        return {**self.minio.variables, **({"AWS_CA_BUNDLE": self.authority} if self.authority else {})}


def by_kind(store):
    return {one["kind"]: one for one in mlflow(store)}


def test_without_a_store_mlflow_keeps_its_artifacts_in_its_pod_and_looks_at_nothing_first():
    made = by_kind(None)
    assert set(made) == {"Deployment", "Service"}
    assert [one["name"] for one in manifests.containers_of(made["Deployment"])] == ["mlflow"]
    assert artifacts_of(made) == "/mlflow/artifacts"


def artifacts_of(made):
    (container,) = [one for one in manifests.containers_of(made["Deployment"]) if one["name"] == "mlflow"]
    return next(one["value"] for one in container["env"] if one["name"] == "ARTIFACTS")


def test_with_a_store_its_keys_are_a_secret_alone(tmp_path):
    authority = tmp_path / "authority"
    authority.write_text("a certificate")
    made = by_kind(Store(NOBODY, str(authority)))
    assert artifacts_of(made) == "s3://models/ci/run/artifacts"
    assert made["Secret"]["stringData"]["AWS_SECRET_ACCESS_KEY"] == NOBODY.password
    assert made["Secret"]["stringData"]["AWS_CA_BUNDLE"] == "/authority/cabundle.crt"
    assert made["ConfigMap"]["data"] == {"cabundle.crt": "a certificate"}
    assert NOBODY.password not in str([one for kind, one in made.items() if kind != "Secret"])


def first_look(minio):
    """Run what MLflow's pod runs first, and return how it ended."""
    container = next(manifests.containers_of(by_kind(Store(minio))["Deployment"]))
    assert container["name"] == "store"
    given = {one["name"]: one["value"] for one in container["env"]}
    return subprocess.run(
        [sys.executable, *container["command"][1:]],
        env={"PATH": os.environ["PATH"], **minio.variables, **given},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_store_that_the_pod_does_not_reach_is_its_last_word():
    ended = first_look(NOBODY)
    assert ended.returncode == 1
    (said,) = ended.stderr.strip().splitlines()
    assert "--store" in said
    assert NOBODY.endpoint in said
    assert NOBODY.password not in said


@pytest.mark.parametrize(("bucket", "code", "words"), [("models", 0, ""), ("others", 1, "NoSuchBucket")])
def test_a_bucket_that_takes_an_object_is_left_as_it_was_and_another_is_named(tmp_path, bucket, code, words):
    with running_minio(tmp_path) as minio:
        minio.client().create_bucket(Bucket=bucket)
        ended = first_look(minio)
        assert ended.returncode == code
        assert words in ended.stderr
        assert minio.keys(bucket) == []
