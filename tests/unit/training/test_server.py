"""A tracking server of the user's own: its address, MLflow's variables, and all that is refused before a run starts."""

import pytest
from cryptography.hazmat.primitives import serialization

from acceptance.errors import BadSetting
from acceptance.options import read_settings
from acceptance.training.server import (
    TAG,
    VARIABLES,
    elsewhere,
    problems,
    read_variables,
    request_options,
    users_server,
)
from tests.certificates import certificate
from tests.unit.problems import assert_problem

TARGETS = ["embedded", "docker", "existing", "kind", "k3d"]
URI = "https://mlflow.example.com/mlflow"
TOKEN = "a-token-of-somebodys"  # noqa: S105 - a made-up one
ACCOUNT = {"MLFLOW_TRACKING_USERNAME": "ann", "MLFLOW_TRACKING_PASSWORD": "password-of-ann"}


def read(environment=None, **given):
    return read_settings(given, TARGETS, environment or {})


@pytest.fixture
def pem(tmp_path):
    file = tmp_path / "authority.pem"
    file.write_text("-----BEGIN CERTIFICATE-----\n")
    return str(file)


def test_without_it_the_run_has_a_server_of_its_own():
    settings = read({"MLFLOW_TRACKING_URI": URI, "MLFLOW_TRACKING_TOKEN": " of no concern "})
    assert settings.mlflow == ""
    assert users_server(settings, {}) is None


@pytest.mark.parametrize("target", TARGETS)
def test_it_goes_with_every_target_and_has_the_suites_experiment(target):
    settings = read(target=target, mlflow=f"{URI}/")
    assert (settings.mlflow, settings.mlflow_experiment) == (URI, "triton-acceptance")
    assert read(target=target, mlflow=URI, mlflow_experiment="nightly").mlflow_experiment == "nightly"


@pytest.mark.parametrize(
    "uri",
    [
        *("databricks", "databricks://prod", "file:///srv/mlruns", "sqlite:///mlflow.db", "mlflow.example.com:5000"),
        *("https://", "http://host:port", "http://host:70000", "https://host?x=1", "https://host#/x", "https://a b"),
        *("https://host\n", " https://host"),
    ],
)
def test_what_is_no_address_of_a_server_is_refused(uri):
    with pytest.raises(
        BadSetting, match=r"(?s)--mlflow .*: no address of a tracking server; write http://HOST:PORT or"
    ):
        read(mlflow=uri)


def test_credentials_in_the_address_are_refused_and_not_quoted():
    with pytest.raises(BadSetting, match=r"--mlflow: .*MLFLOW_TRACKING_USERNAME and .*MLFLOW_TRACKING_TOKEN") as caught:
        read(mlflow="https://ann:password-of-ann@host")
    assert "password-of-ann" not in str(caught.value)


@pytest.mark.parametrize("name", VARIABLES)
@pytest.mark.parametrize("value", [" value", "value\n", "value\t"])
def test_white_space_at_an_end_is_refused_by_the_variables_name_alone(name, value):
    with pytest.raises(BadSetting, match=f"^{name}: has white space") as caught:
        read({name: value}, mlflow=URI)
    assert "value" not in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"MLFLOW_TRACKING_USERNAME": "ann"}, "MLFLOW_TRACKING_USERNAME is set and MLFLOW_TRACKING_PASSWORD isn't"),
        ({"MLFLOW_TRACKING_PASSWORD": "secret"}, "MLFLOW_TRACKING_PASSWORD is set and MLFLOW_TRACKING_USERNAME isn't"),
        ({**ACCOUNT, "MLFLOW_TRACKING_TOKEN": TOKEN}, "MLFLOW_TRACKING_TOKEN and MLFLOW_TRACKING_USERNAME: .*leave"),
        ({"MLFLOW_TRACKING_AWS_SIGV4": "true"}, "MLFLOW_TRACKING_AWS_SIGV4: only a token, .*; unset it"),
        ({"MLFLOW_TRACKING_INSECURE_TLS": "maybe"}, "INSECURE_TLS=maybe: neither true nor false"),
        ({"MLFLOW_TRACKING_AUTH": "kubernetes"}, "MLFLOW_TRACKING_AUTH: only a token"),
        ({"MLFLOW_TRACKING_SERVER_CERT_PATH": "/no/such/file"}, "SERVER_CERT_PATH=/no/such/file: can't be read"),
        ({"MLFLOW_TRACKING_CLIENT_CERT_PATH": "/"}, "CLIENT_CERT_PATH=/: can't be read .*name a PEM file"),
        ({"MLFLOW_TRACKING_CLIENT_CERT_PATH": "/etc/passwd"}, "CLIENT_CERT_PATH=/etc/passwd: no certificate in it"),
    ],
)
def test_variables_that_cannot_work_are_refused(variables, words):
    with pytest.raises(BadSetting, match=words):
        read(variables, mlflow=URI)


def test_a_client_certificate_without_a_key_that_fits_and_can_be_read_is_refused(tmp_path):
    file = certificate(tmp_path, "ann")
    given = {"MLFLOW_TRACKING_CLIENT_CERT_PATH": str(file)}
    assert read(given, mlflow=URI).mlflow == URI
    key, begins, rest = file.read_text().partition("-----BEGIN CERTIFICATE")
    private = serialization.load_pem_private_key(key.encode(), None)
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    locked = private.private_bytes(pem, pkcs8, serialization.BestAvailableEncryption(b"secret")).decode()
    of_another = certificate(tmp_path, "other").read_text().partition(begins)[0]
    for other in ("", locked, of_another):
        file.write_text(other + begins + rest)
        with pytest.raises(BadSetting, match=f"CLIENT_CERT_PATH={file}: no client certificate with its private key"):
            read(given, mlflow=URI)


def test_an_authority_of_a_connection_that_trusts_anybody_is_refused(pem):
    given = {"MLFLOW_TRACKING_SERVER_CERT_PATH": pem, "MLFLOW_TRACKING_INSECURE_TLS": "true"}
    with pytest.raises(BadSetting, match="SERVER_CERT_PATH and MLFLOW_TRACKING_INSECURE_TLS: contradict"):
        read(given, mlflow=URI)


@pytest.mark.parametrize("target", ["embedded", "docker"])
def test_a_store_is_refused_where_the_run_would_put_nothing_there(target):
    words = f"--mlflow {URI} and --store s3://models/ci: your server keeps the artifacts where it does; leave one out"
    with pytest.raises(BadSetting, match=words):
        read(target=target, mlflow=URI, store="s3://models/ci")
    assert read(target="existing", mlflow=URI, store="s3://models/ci").mlflow == URI


def test_an_experiment_is_refused_without_a_server_and_with_white_space_at_an_end():
    with pytest.raises(BadSetting, match="--mlflow-experiment nightly: only --mlflow uses it"):
        read(mlflow_experiment="nightly")
    with pytest.raises(BadSetting, match="--mlflow-experiment nightly : has white space"):
        read(mlflow=URI, mlflow_experiment="nightly ")


def test_mlflows_own_file_of_credentials_is_read_as_its_client_does(tmp_path):
    home = {"HOME": str(tmp_path)}
    (tmp_path / ".mlflow").mkdir()
    file = tmp_path / ".mlflow" / "credentials"
    file.write_text("[mlflow]\nmlflow_tracking_username = ann\nmlflow_tracking_password = 100%-secret\n")
    found = {"MLFLOW_TRACKING_USERNAME": "ann", "MLFLOW_TRACKING_PASSWORD": "100%-secret"}
    assert read_variables(home) == found
    assert read_variables({**home, **ACCOUNT}) == ACCOUNT
    with pytest.raises(BadSetting, match=r"MLFLOW_TRACKING_TOKEN and the user in .*credentials"):
        read_variables({**home, "MLFLOW_TRACKING_TOKEN": TOKEN})
    file.write_text("no file of its kind")
    with pytest.raises(BadSetting, match="credentials: can't be read as MLflow's file of credentials"):
        read_variables(home)


def test_the_trainer_gets_the_account_the_workspace_and_the_runs_tag():
    settings = read(mlflow=URI)
    server = users_server(settings, {**ACCOUNT, "MLFLOW_WORKSPACE": "team", "MLFLOW_EXPERIMENT_ID": "7"})
    assert server
    given = server.for_trainer
    assert given["MLFLOW_TRACKING_URI"] == URI
    assert {**ACCOUNT, "MLFLOW_WORKSPACE": "team"}.items() <= given.items()
    assert given["MLFLOW_RUN_CONTEXT"] == f'{{"{TAG}": "{server.run}"}}'
    assert "MLFLOW_EXPERIMENT_ID" not in given
    assert ACCOUNT["MLFLOW_TRACKING_PASSWORD"] not in f"{server} {server!r}"


def test_what_runs_elsewhere_has_the_files_texts_in_a_folder_of_its_own(pem):
    variables, texts = elsewhere({"MLFLOW_TRACKING_SERVER_CERT_PATH": pem, "MLFLOW_TRACKING_TOKEN": TOKEN}, "/there")
    ((name, text),) = texts.items()
    assert text.startswith("-----BEGIN CERTIFICATE")
    assert variables == {"MLFLOW_TRACKING_SERVER_CERT_PATH": f"/there/{name}", "MLFLOW_TRACKING_TOKEN": TOKEN}


@pytest.mark.parametrize("uri", ["http://127.0.0.1:5000", "http://localhost/mlflow", "http://[::1]:5000"])
def test_this_machines_own_address_is_refused_where_pods_or_containers_are_to_reach_it(uri):
    (problem,) = problems(read(target="docker", mlflow=uri), "containers")
    assert_problem(problem, f"--mlflow {uri}", "which containers can't reach", "name an address that both reach")
    assert problems(read(target="docker", mlflow=URI), "containers") == []
    assert problems(read(target="docker"), "containers") == []


def test_a_request_is_sent_as_mlflows_client_sends_its_own(pem):
    assert request_options({}) == {}
    assert request_options(ACCOUNT) == {"auth": (b"ann", b"password-of-ann")}
    assert request_options({"MLFLOW_TRACKING_TOKEN": TOKEN})["headers"] == {"Authorization": f"Bearer {TOKEN}"}
    assert request_options({"MLFLOW_TRACKING_INSECURE_TLS": "true"}) == {"verify": False}
    both = {"MLFLOW_TRACKING_SERVER_CERT_PATH": pem, "MLFLOW_TRACKING_CLIENT_CERT_PATH": pem}
    assert request_options(both) == {"verify": pem, "cert": pem}
