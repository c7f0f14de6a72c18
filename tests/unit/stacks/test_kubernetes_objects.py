"""The run's MLflow with an object store: what it is given, and what its pod sees of the store first."""

import os
import subprocess
import sys

import pytest

from acceptance.kubernetes import manifests
from acceptance.stacks.kubernetes_objects import minio, mlflow, planned
from acceptance.stacks.protocol import Part
from acceptance.storage.certificate import issue
from acceptance.storage.location import Location
from acceptance.storage.minio import NAME, PORT
from acceptance.storage.minio import Minio as OwnMinio
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


@pytest.fixture
def own(tmp_path):
    return OwnMinio(tmp_path / "minio", [NAME])


def test_a_store_of_the_runs_own_has_its_secrets_in_secrets_alone(own):
    made = minio(own)
    held = [value for one in made if one["kind"] == "Secret" for value in one["stringData"].values()]
    assert {own.user, own.password, own.issued.certificate, own.issued.key} <= set(held)
    others = str([one for one in made if one["kind"] != "Secret"])
    assert [value for value in held if len(value) > 8 and value in others] == []


def test_it_gets_its_account_and_its_certificate_where_it_looks_for_them(own):
    secrets = {one["metadata"]["name"] for one in minio(own) if one["kind"] == "Secret"}
    (deployment,) = [one for one in minio(own) if one["kind"] == "Deployment"]
    spec, container = deployment["spec"]["template"]["spec"], manifests.container_of(deployment, NAME)
    mounted = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
    (certificate,) = [one["secret"]["secretName"] for one in spec["volumes"] if "secret" in one]
    assert {container["envFrom"][0]["secretRef"]["name"], certificate} == secrets
    assert f"--certs-dir={mounted['certificate']}" in container["args"]
    assert f"--address=:{PORT}" in container["args"]
    assert container["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"
    assert "livenessProbe" in container


def test_it_is_looked_at_beforehand_where_a_run_has_one_and_keeps_something_in_it():
    def names(parts, own_store):
        return {one.name for one in planned(parts, lambda name, gpu: [], own_store)}

    training, probe = frozenset({Part("training")}), frozenset({Part("gpu-probe", "gpu")})
    assert names(training, True) - names(training, False) == {NAME}
    assert NAME not in names(probe, True)


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


def first_look(minio, **others):
    """Run what MLflow's pod runs first, and return how it ended; `others`: variables in the store's place."""
    container = next(manifests.containers_of(by_kind(Store(minio))["Deployment"]))
    assert container["name"] == "store"
    given = {one["name"]: one["value"] for one in container["env"]}
    return subprocess.run(
        [sys.executable, *container["command"][1:]],
        env={"PATH": os.environ["PATH"], **minio.variables, **given, **others},
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


def test_a_pod_with_another_authority_or_another_key_says_so(tmp_path):
    with running_minio(tmp_path / "minio", tls=True) as minio:
        minio.client().create_bucket(Bucket="models")
        (tmp_path / "stranger").write_text(issue(["minio"]).authority)
        assert first_look(minio).returncode == 0
        for others, words in (
            ({"AWS_CA_BUNDLE": str(tmp_path / "stranger")}, "certificate verify failed"),
            ({"AWS_SECRET_ACCESS_KEY": "another"}, "SignatureDoesNotMatch"),
        ):
            ended = first_look(minio, **others)
            assert ended.returncode == 1
            assert words in ended.stderr
            assert "--store" in ended.stderr
