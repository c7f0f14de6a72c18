"""Which login of a pull secret is taken for an image, as the kubelet takes it."""

import base64
import json

import pytest

from acceptance.kubernetes.docker_config import login_for, read_logins
from acceptance.login import Login

SITE = Login("ann", "very-secret-word")
OTHER = Login("bob", "another-word")


def data(content):
    return base64.b64encode(json.dumps(content).encode()).decode()


def test_logins_are_read_from_either_kind_of_secret():
    both = base64.b64encode(b"bob:another-word").decode()
    entries = {"registry.site": {"username": "ann", "password": "very-secret-word"}, "other.site": {"auth": both}}
    assert (
        read_logins(data({"auths": entries}))
        == read_logins(data(entries))
        == {
            "registry.site": SITE,
            "other.site": OTHER,
        }
    )


@pytest.mark.parametrize(
    "content", [[], {"auths": []}, {"auths": {"a": "b"}}, {"auths": {"a": {"auth": "%"}}}, {"auths": {"a": {}}}]
)
def test_what_is_no_login_is_left_to_the_kubelet(content):
    assert read_logins(data(content)) == {}
    assert read_logins("no base64") == {}


@pytest.mark.parametrize(
    ("registry", "image", "is_for"),
    [
        ("registry.site", "registry.site/ml/trainer:1", True),
        ("https://registry.site/v2/", "registry.site/ml/trainer:1", True),
        ("registry.site/ml", "registry.site/ml/trainer:1", True),
        ("registry.site/web", "registry.site/ml/trainer:1", False),
        ("registry.site:5000", "registry.site:5000/trainer", True),
        ("registry.site", "registry.site:5000/trainer", False),
        ("*.site", "registry.site/trainer", True),
        ("*.site", "a.registry.site/trainer", False),
        ("other.site", "registry.site/trainer", False),
        ("https://index.docker.io/v1/", "rancher/k3s:v1", True),
        ("https://index.docker.io/v1/", "docker.io/rancher/k3s:v1", True),
        ("https://index.docker.io/v1/", "registry.site/trainer", False),
        ("registry.site", "rancher/k3s:v1", False),
    ],
)
def test_a_login_is_for_the_images_of_its_registry(registry, image, is_for):
    assert login_for(image, {registry: SITE}) == (SITE if is_for else None)


def test_the_login_of_the_longest_path_is_taken():
    logins = {"registry.site": OTHER, "registry.site/ml": SITE}
    assert login_for("registry.site/ml/trainer:1", logins) == SITE
    assert login_for("registry.site/web:1", logins) == OTHER
