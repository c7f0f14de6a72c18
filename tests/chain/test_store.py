"""A run whose MLflow keeps its artifacts in an object store, and that nothing of it is left there."""

import json
import re

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.chain.leftovers import wait_clean
from tests.documented_rights import bucket_policy
from tests.minio import running_minio
from tests.running import LIGHT, started_suite
from tools.suite_run import run_suite

SERVED = "what_is_served_is_what_was_trained"


@pytest.fixture(scope="module")
def minio(tmp_path_factory):
    with running_minio(tmp_path_factory.mktemp("minio")) as minio:
        minio.make_shared_bucket("models")
        yield minio


def test_the_served_model_is_the_stores_and_the_stores_is_the_trainers(minio, tmp_path):
    options = (*LIGHT, "--data=digits", "--store=s3://models/ci", "-k", SERVED)
    result = run_suite(tmp_path / "report", *options, **minio.variables)
    assert result.code == 0, result.output
    figures = result.scenarios()[SERVED].figures
    place = r"s3://models/ci/triton-acceptance-\w+/artifacts/\S+/model.onnx"
    assert re.fullmatch(place, figures["in the object store"])
    assert re.fullmatch(
        r"the model IR version \d+, opset \d+; the server's newest IR version \d+, opset \d+", figures["ONNX"]
    )
    assert minio.keys("models") == ["ci/somebody-elses"]
    written = b"".join(file.read_bytes() for file in (tmp_path / "report").rglob("*") if file.is_file())
    assert minio.password.encode() not in written


@pytest.mark.sabotage
def test_the_documented_rights_are_enough(minio, tmp_path):
    """An account of a session that has them and no others."""
    policy = json.dumps(bucket_policy("models", "ci"))
    sts = boto3.client("sts", endpoint_url=minio.endpoint, **account_of(minio.variables))
    keys = sts.assume_role(RoleArn="arn:minio:iam:::role/any", RoleSessionName="run", Policy=policy)["Credentials"]
    session = {
        **minio.variables,
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }
    beyond = boto3.client("s3", endpoint_url=minio.endpoint, **account_of(session))
    with pytest.raises(ClientError, match="AccessDenied"):
        beyond.put_object(Bucket="models", Key="beyond", Body=b"")
    options = (*LIGHT, "--data=digits", "--store=s3://models/ci", "-k", SERVED)
    result = run_suite(tmp_path / "report", *options, **session)
    assert result.code == 0, result.output
    assert minio.keys("models") == ["ci/somebody-elses"]


def account_of(variables):
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    return {
        "region_name": "us-east-1",
        **{name: variables[name.upper()] for name in names if name.upper() in variables},
    }


def test_kill_9_leaves_nothing_in_the_store(minio, tmp_path):
    (tmp_path / "tmp").mkdir()
    options = (*LIGHT, "--data=digits", "--store=s3://models/ci", "-k", SERVED)
    with started_suite(tmp_path, *options, **minio.variables, TMPDIR=str(tmp_path / "tmp")) as run:
        run.wait_for_log("triton-cpu-*")
        assert len(minio.keys("models")) > 1
        run.popen.kill()
        run.wait_for_end()
        wait_clean(tmp_path)
    assert minio.keys("models") == ["ci/somebody-elses"]


def test_a_bucket_that_is_not_there_ends_it_before_anything_starts(minio, tmp_path):
    result = run_suite(tmp_path / "report", "--data=digits", "--store=s3://nowhere/ci", **minio.variables)
    assert result.code == 4, result.output
    assert "s3://nowhere/ci: listing: there is no such bucket" in result.output
    assert "--store" in result.output
