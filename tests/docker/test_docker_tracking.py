"""A tracking server of the user's, tried out by a container: with its account, certificates and beneath a prefix."""

import pytest

from acceptance.errors import AcceptanceError
from acceptance.options import read_settings
from acceptance.stacks.docker import DockerStack
from acceptance.stacks.protocol import Part
from acceptance.stacks.workspace import Workspace
from tests.certificates import certificate
from tests.tracking_servers import front, python_of_mlflow2, running_server

pytestmark = pytest.mark.docker


def try_out(folder, **options):
    """Have a run on Docker look ahead at a training."""
    for name in ("run", "logs"):
        (folder / name).mkdir(parents=True)
    settings = read_settings({"target": "docker", **options}, ["docker"])
    assert DockerStack.problems(settings) == []
    workspace = Workspace(folder / "run", folder / "logs")
    with DockerStack(settings, workspace, lambda text: None) as stack:
        stack.look_ahead(frozenset({Part("training")}))


def test_a_container_does_what_a_training_will_and_a_wrong_password_is_the_cause(
    client, images_file, tmp_path, tmp_path_factory, monkeypatch
):
    # this machine's address on Docker's own network, which containers of others reach as well
    gateway = client.networks.get("bridge").attrs["IPAM"]["Config"][0]["Gateway"]
    client_file = certificate(tmp_path, "ann")
    with (
        running_server(tmp_path_factory.mktemp("mlflow2"), python=python_of_mlflow2(), locked=True) as server,
        front(server, tmp_path / "front", prefix="/mlflow", tls=True, host=gateway, client=client_file) as uri,
    ):
        monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(tmp_path / "front" / "authority.crt"))
        monkeypatch.setenv("MLFLOW_TRACKING_CLIENT_CERT_PATH", str(client_file))
        runs = server.client(monkeypatch)
        try_out(tmp_path / "right", mlflow=uri, images=str(images_file))
        experiment = runs.get_experiment_by_name("triton-acceptance")
        (run,) = runs.search_runs([experiment.experiment_id])
        assert run.info.status == "FINISHED"
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "another-password")
        with pytest.raises(AcceptanceError, match=r"(?s)a wrong user or password.*seen in a container"):
            try_out(tmp_path / "wrong", mlflow=uri, images=str(images_file))
    logs = b"".join(file.read_bytes() for file in tmp_path.glob("*/logs/*"))
    assert server.password.encode() not in logs
