"""Object stores with containers: a MinIO of the run's own, and one of the user's, of which nothing is left."""

import contextlib
import re

import pytest
import requests

from acceptance.errors import AcceptanceError
from acceptance.options import read_settings
from acceptance.redaction.redactor import Redactor
from acceptance.stacks.docker import DockerStack
from acceptance.stacks.docker_store import Given, check_inside, given
from acceptance.stacks.protocol import Part
from acceptance.stacks.workspace import Workspace
from acceptance.waiting import wait_until
from tests.docker.leftovers import wait_clean
from tests.docker.test_docker_interrupts import running
from tests.minio import running_minio
from tests.running import LIGHT, remove_kept, started_suite
from tools.lab_image_names import MINIO as IMAGE
from tools.suite_run import read_scenarios

pytestmark = pytest.mark.docker

SERVED = "what_is_served_is_what_was_trained"


@pytest.fixture
def start(client, images_file, tmp_path):
    """Start a run with a MinIO of its own; return it once MinIO's container runs, and that."""
    if not any(IMAGE in image.tags for image in client.images.list()):
        pytest.skip(f"Docker has no {IMAGE}; `tools/lab` makes it")
    (tmp_path / "tmp").mkdir()
    options = ("--target=docker", "--data=digits", "--profile=quick", "--store=minio", f"--images={images_file}")
    with contextlib.ExitStack() as started:

        def start(*arguments):
            run = started.enter_context(
                started_suite(tmp_path, *options, *LIGHT, *arguments, "-k", SERVED, TMPDIR=str(tmp_path / "tmp"))
            )
            found = wait_until("MinIO's container", lambda: running(client, "-minio") or run.output or "not yet", 60)
            return run, found

        yield start
    wait_clean(client, tmp_path)


def test_the_model_goes_through_the_runs_own_minio_and_no_secret_of_it_is_written(start):
    run, minio = start("--keep")
    variables = dict(one.split("=", 1) for one in minio.attrs["Config"]["Env"])
    assert run.wait_for_end(200) == 0, run.output
    try:
        scenario = read_scenarios(run.report)[SERVED]
        assert scenario.outcome == "passed"
        assert scenario.figures["in the object store"].startswith("s3://models/triton-acceptance-")
        written = b"".join(file.read_bytes() for file in run.report.rglob("*") if file.is_file())
        secret = variables["MINIO_ROOT_PASSWORD"]
        assert secret not in str(minio.attrs["Args"])
        assert secret not in run.output
        assert secret.encode() not in written
        address = re.search(r"^MinIO: (https://127\.0\.0\.1:\d+)$", run.output, re.MULTILINE)
        authority = re.search(r"^MinIO's certificate authority: (/\S+)$", run.output, re.MULTILINE)
        assert address and authority, run.output
        assert requests.get(f"{address[1]}/minio/health/live", verify=authority[1], timeout=10).ok
    finally:
        remove_kept(run)


def test_kill_9_leaves_nothing_of_it(start):
    run, _ = start()
    run.popen.kill()
    run.wait_for_end()


@contextlib.contextmanager
def stack(folder, images_file, patch, variables):
    """Enter a stack whose runs use the store of these variables."""
    for name, value in variables.items():
        patch.setenv(name, value)
    for name in ("run", "logs"):
        (folder / name).mkdir()
    options = {"target": "docker", "store": "s3://models/ci", "images": str(images_file)}
    workspace = Workspace(folder / "run", folder / "logs", Redactor.from_environment({}))
    with DockerStack(read_settings(options, ["docker"], {}), workspace, lambda text: None) as stack:
        yield stack


@pytest.fixture
def gateway(client):
    """This machine's address on Docker's own network, which containers of others reach as well."""
    return client.networks.get("bridge").attrs["IPAM"]["Config"][0]["Gateway"]


def test_a_container_uses_a_store_of_the_users_with_its_authority(gateway, images_file, tmp_path, monkeypatch):
    with running_minio(tmp_path / "minio", host=gateway, tls=True) as minio:
        minio.client().create_bucket(Bucket="models")
        with stack(tmp_path, images_file, monkeypatch, minio.variables) as docker:
            assert DockerStack.problems(docker.settings) == []
            docker.look_ahead(frozenset({Part("training")}))
            found = given(docker.store, tmp_path / "authority")
            check_inside(docker.engine, docker.images.trainer, docker.store, found)
            stranger = {**found.environment, "AWS_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt"}
            with pytest.raises(AcceptanceError, match=r"container store: .*--store can't be used.*verify failed"):
                check_inside(docker.engine, docker.images.trainer, docker.store, Given(stranger, {}))
            docker.store.put_folder(tmp_path / "authority", "left")
        assert minio.keys("models") == []
        logs = b"".join(file.read_bytes() for file in (tmp_path / "logs").iterdir())
        assert minio.password.encode() not in logs


def test_a_store_that_containers_do_not_reach_is_their_word_before_anything_is_trained(
    images_file, tmp_path, monkeypatch
):
    # this machine's own, as pytest doesn't know: it is another's for a container
    with running_minio(tmp_path / "minio", host="127.0.0.2") as minio:
        minio.client().create_bucket(Bucket="models")
        with (
            stack(tmp_path, images_file, monkeypatch, minio.variables) as docker,
            pytest.raises(
                AcceptanceError, match=rf"container store: .*--store can't be used.*{minio.endpoint}.*docs/storage"
            ),
        ):
            docker.mlflow()


def test_this_machines_own_loopback_is_refused_before_anything_starts(images_file, tmp_path, monkeypatch):
    with running_minio(tmp_path / "minio") as minio:
        minio.client().create_bucket(Bucket="models")
        with stack(tmp_path, images_file, monkeypatch, minio.variables) as docker:
            (problem,) = DockerStack.problems(docker.settings)
    assert "which containers can't reach" in problem.what
    assert "AWS_ENDPOINT_URL_S3" in problem.fix
