"""A real registry, CNCF Distribution's, says what the one that is made up says; skipped where none is at hand."""

import hashlib
import json
import os
import shutil
import subprocess

import pytest
import requests

from acceptance.kubernetes.registry import Found, LoginRefused, NotThere, ask
from acceptance.login import Login
from acceptance.processes.local import free_port
from acceptance.waiting import Ready, wait_until
from tests.made_up_registry import INDEX
from tools.suite_run import WITH_PARENT

PROGRAM = os.environ.get("ACCEPTANCE_REGISTRY_PROGRAM", "") or shutil.which("docker-registry")
MANIFEST, CONFIG = "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.config.v1+json"
ANN = Login("ann", "very-secret-word")
# of that password, by bcrypt
HTPASSWD = "ann:$2y$05$abcdefghijklmnopqrstuuXtvZ65Ocrubgdatk1PTUDEqLd78OtVW\n"
SETTINGS = """
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}/data}}}}
http: {{addr: "{host}"}}
auth: {{htpasswd: {{realm: a registry, path: {folder}/htpasswd}}}}
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """The host of a registry that wants a login."""
    if not PROGRAM:
        pytest.skip("no registry: ACCEPTANCE_REGISTRY_PROGRAM names none, and no docker-registry is on the PATH")
    folder, host = tmp_path_factory.mktemp("registry"), f"127.0.0.1:{free_port()}"
    (folder / "htpasswd").write_text(HTPASSWD)
    (folder / "config.yml").write_text(SETTINGS.format(folder=folder, host=host))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*WITH_PARENT, PROGRAM, "serve", folder / "config.yml"], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_until("the registry to answer", lambda: answers(host), 30)
        yield host
    finally:
        process.kill()
        process.wait()


def answers(host):
    try:
        return Ready(None) if requests.get(f"http://{host}/v2/", timeout=5).status_code == 401 else "it wants no login"
    except requests.RequestException as error:
        return str(error)


def digest_of(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def push(host, name, tag, architecture):
    """Push an image without layers; return what an index says of it."""
    config = json.dumps({"os": "linux", "architecture": architecture, "rootfs": {"type": "layers", "diff_ids": []}})
    about = {"mediaType": CONFIG, "digest": digest_of(config.encode()), "size": len(config)}
    with requests.Session() as http:
        http.auth = (ANN.user, ANN.password)
        begun = http.post(f"http://{host}/v2/{name}/blobs/uploads/", timeout=5)
        http.put(begun.headers["Location"], params={"digest": about["digest"]}, data=config, timeout=5)
    content = push_manifest(host, name, tag, MANIFEST, {"config": about, "layers": []})
    platform = {"os": "linux", "architecture": architecture}
    return {"mediaType": MANIFEST, "digest": digest_of(content), "size": len(content), "platform": platform}


def push_manifest(host, name, tag, kind, more):
    content = json.dumps({"schemaVersion": 2, "mediaType": kind, **more}).encode()
    url, auth = f"http://{host}/v2/{name}/manifests/{tag}", (ANN.user, ANN.password)
    answer = requests.put(url, data=content, auth=auth, headers={"Content-Type": kind}, timeout=5)
    assert answer.status_code == 201, answer.text
    return content


def test_it_tells_of_single_images_and_of_indexes_by_tag_and_by_digest(registry):
    images = [push(registry, "ml/triton", tag, tag) for tag in ("amd64", "arm64")]
    index = digest_of(push_manifest(registry, "ml/triton", "1", INDEX, {"manifests": images}))
    both = Found(index, frozenset({"amd64", "arm64"}))
    assert ask(f"{registry}/ml/triton:1", ANN) == ask(f"{registry}/ml/triton@{index}", ANN) == both
    arm = images[1]["digest"]
    assert ask(f"{registry}/ml/triton:arm64", ANN) == Found(arm, frozenset({"arm64"}))


@pytest.mark.parametrize("image", ["ml/trainer:2", "ml/trainer@sha256:" + "5e" * 32, "ml/no-such:1"])
def test_it_tells_what_it_has_not(registry, image):
    push(registry, "ml/trainer", "1", "amd64")
    with pytest.raises(NotThere, match=f"registry {registry} has no {registry}/{image}"):
        ask(f"{registry}/{image}", ANN)


@pytest.mark.parametrize("login", [None, Login("ann", "another-word")])
def test_it_refuses_others(registry, login):
    push(registry, "ml/trainer", "1", "amd64")
    with pytest.raises(LoginRefused, match="HTTP 401"):
        ask(f"{registry}/ml/trainer:1", login)
