"""What registries and nodes say of images: the registry is made up, and so is the API server."""

import base64
import contextlib
import json
import time

import pytest

from acceptance.images import read_images
from acceptance.kubernetes.architectures import LABEL
from acceptance.kubernetes.image_sources import MOST_TOLD, ImageSources
from acceptance.kubernetes.namespace import Namespace
from acceptance.settings import PodRules
from tests.http_server import talking
from tests.made_up_registry import MadeUpRegistry, running
from tests.unit.kubernetes.api_server import cluster_of
from tests.unit.problems import assert_problem

NODES, SECRET = "/api/v1/nodes", "/api/v1/namespaces/platform/secrets/registry"
PULL_SECRET = "platform/registry"  # noqa: S105
WITH_SECRET = PodRules(pull_secret=PULL_SECRET)
ARM = PodRules(node_selector={LABEL: "arm64"})
BOTH = ("amd64", "arm64")


def node(*images, name="n1", arch="amd64"):
    """Return a node that tells of these images, each by its names."""
    told = [{"names": [*names]} for names in images]
    return {"metadata": {"name": name, "labels": {LABEL: arch}}, "status": {"images": told}}


@pytest.fixture
def registry():
    """A registry that has ml/triton:1 for both architectures, and of which nothing else is asked."""
    with running(MadeUpRegistry()) as registry:
        registry.put_index("ml/triton:1", *BOTH)
        yield registry


@pytest.fixture
def triton(registry):
    return f"{registry.host}/ml/triton:1"


@pytest.fixture
def missing(registry, triton):
    """The same image, which the registry no longer has."""
    registry.manifests.clear()
    return triton


@pytest.fixture
def look(api_server, tmp_path):
    """Have the images looked at in a cluster with these nodes, which may not be listed where there are none."""

    def look(*images, nodes=(), rules=PodRules(), **more):  # noqa: B008
        api_server.answers[NODES] = (200, {"items": [*nodes]}) if nodes else (403, {"message": "no"})
        cluster = cluster_of(tmp_path, api_server.address)
        sources = ImageSources(Namespace(cluster, "run", read_images(None), tmp_path, rules=rules), **more)
        sources.look(images)
        return sources

    return look


def add_secret(api_server, host, password="very-secret-word"):  # noqa: S107
    content = {"auths": {host: {"auth": base64.b64encode(f"ann:{password}".encode()).decode()}}}
    data = {".dockerconfigjson": base64.b64encode(json.dumps(content).encode()).decode()}
    about = {"metadata": {"name": "registry"}, "type": "kubernetes.io/dockerconfigjson", "data": data}
    api_server.answers[SECRET] = 200, about


# --- what the registry says


def test_a_digest_and_its_architectures_are_for_the_report_and_for_the_pods(look, registry, triton):
    digest = registry.put_index("ml/triton:1", *BOTH)
    sources = look(triton, nodes=[node()])
    assert sources.digests() == {f"image {triton}": f"{digest}, for amd64, arm64"}
    assert (sources.unchecked(), sources.problem_of(triton)) == ([], None)
    assert sources.namespace.architectures.known == {triton: {"amd64", "arm64"}}


def test_what_the_registry_has_not_and_no_node_has_is_final(look, registry, missing):
    sources = look(missing, nodes=[node(["docker.io/library/python:3.11"])])
    assert_problem(
        sources.problem_of(missing), f"image {missing}: registry {registry.host} has no {missing}: copy it there"
    )
    assert (sources.digests(), sources.unchecked()) == ({}, [])


def other_images(image):
    return [[f"site.example/{number}"] for number in range(MOST_TOLD)]


@pytest.mark.parametrize("held", [lambda image: [], lambda image: [[image]], other_images])
def test_what_a_node_may_have_is_left_to_the_pods(look, registry, missing, held):
    nodes = [node(*images), node(name="n2")] if (images := held(missing)) else []
    sources = look(missing, nodes=nodes)
    assert sources.problem_of(missing) is None
    assert sources.unchecked() == [f"images {missing}: registry {registry.host} has no {missing}"]


@pytest.mark.parametrize("kind", ["Basic", "Bearer"])
def test_a_pull_secret_has_the_login(look, api_server, registry, triton, kind):
    registry.login = kind
    add_secret(api_server, registry.host)
    sources = look(triton, nodes=[node()], rules=WITH_SECRET)
    assert (list(sources.digests()), sources.unchecked()) == ([f"image {triton}"], [])
    assert sources.namespace.cluster.redactor.text("very-secret-word") == "[redacted]"


@pytest.mark.parametrize("kind", ["Basic", "Bearer"])
def test_a_login_that_is_refused_is_final_and_names_the_secret(look, api_server, registry, triton, kind):
    registry.login = kind
    add_secret(api_server, registry.host, "another-word")
    problem = look(triton, nodes=[node()], rules=WITH_SECRET).problem_of(triton)
    words = f"registry {registry.host} refuses the login of --pull-secret {PULL_SECRET}: HTTP 401"
    assert_problem(problem, f"image {triton}: {words}", "renew it with `kubectl create secret docker-registry`")
    assert "another-word" not in str(problem)


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (PodRules(), "asks for a login, and there is no --pull-secret: HTTP 401"),
        (WITH_SECRET, f"asks for a login, and --pull-secret {PULL_SECRET} has none for it: HTTP 401"),
    ],
)
def test_nodes_may_have_a_login_of_their_own(look, api_server, registry, triton, rules, words):
    registry.login = "Basic"
    add_secret(api_server, "other.site")
    sources = look(triton, nodes=[node()], rules=rules)
    assert sources.problem_of(triton) is None
    assert words in " ".join(sources.unchecked())


def test_a_pull_secret_that_may_not_be_read_is_no_login(look, api_server, registry, triton):
    registry.login = "Basic"
    api_server.answers[SECRET] = 403, {"message": "no"}
    assert "has none for it" in " ".join(look(triton, rules=WITH_SECRET).unchecked())


def test_registries_that_can_not_be_asked_are_said_once_each(look, registry, triton):
    far = [f"127.0.0.1:9/ml/{name}:1" for name in ("trainer", "vegeta")]
    (said,) = look(*far, triton, nodes=[node()]).unchecked()
    assert said.startswith(f"images {', '.join(far)}: registry 127.0.0.1:9 can't be asked from here (")


def test_registries_that_hang_are_waited_for_at_the_same_time(look):
    with contextlib.ExitStack() as hanging:
        images = [f"{hanging.enter_context(talking(b''))}/ml/triton:1" for _ in range(3)]
        began = time.monotonic()
        sources = look(*images, nodes=[node()], seconds=1)
        assert time.monotonic() - began < 2.5
    assert len(sources.unchecked()) == 3
    assert "gives no answer in 1 s" in sources.unchecked()[0]


# --- what no registry is asked for


def test_what_each_node_has_is_theirs(look, registry, triton):
    names = [triton, f"{registry.host}/ml/triton@sha256:5e5e"]
    sources = look(triton, nodes=[node(names, arch="arm64"), node(names, name="n2", arch="arm64")])
    assert registry.asked == []
    assert sources.digests() == {f"image {triton}": "sha256:5e5e, on the nodes already"}
    assert sources.namespace.architectures.of(triton) == {"arm64"}


def test_nodes_know_an_image_by_its_whole_name(look):
    sources = look("python:3.11", nodes=[node(["docker.io/library/python:3.11"])])
    assert (sources.held, sources.unchecked(), sources.digests()) == ({"python:3.11"}, [], {})


def test_what_was_loaded_and_what_is_of_this_machine_alone_is_not_asked_for(look, registry, triton):
    own = read_images(None).trainer
    sources = look(triton, own, nodes=[node()], loaded=[triton])
    assert registry.asked == []
    assert (sources.unchecked(), sources.problem_of(own), sources.problem_of(triton)) == ([], None, None)


# --- architectures


def test_an_image_that_no_node_is_for_is_named_and_hidden_nodes_prove_nothing(look, registry, triton):
    registry.put_single("ml/triton:1", "amd64")
    words = f"image {triton}: it is for amd64, and the nodes that pods may go to are arm64"
    assert_problem(look(triton, nodes=[node(arch="arm64")]).problem_of(triton), words, "`--images FILE`")
    both = [node(), node(name="n2", arch="arm64")]
    assert look(triton, nodes=both).problem_of(triton) is None
    assert_problem(look(triton, nodes=both, rules=ARM).problem_of(triton), words)
    assert_problem(look(triton, rules=ARM).problem_of(triton), words)
    assert look(triton).problem_of(triton) is None


def test_the_gpus_node_is_a_question_of_its_own(look, registry, triton):
    registry.put_single("ml/triton:1", "amd64")
    sources = look(triton, nodes=[node(), node(name="n2", arch="arm64")])
    here, there = sources.nodes
    assert sources.problem_of(triton, here) is None
    assert_problem(sources.problem_of(triton, there), "it is for amd64, and node n2 is arm64")


def test_an_image_of_which_nobody_says_more_is_for_amd64_unless_the_site_says_else(look):
    own, arm = read_images(None).trainer, [node(arch="arm64")]
    words = "nobody says what it is for, so amd64 is assumed, and the nodes that pods may go to are arm64"
    assert_problem(look(own, nodes=arm).problem_of(own), words, f"`--node-selector {LABEL}=ARCHITECTURE`")
    assert look(own, nodes=arm, rules=ARM).problem_of(own) is None


def test_an_image_for_no_architecture_that_the_suite_runs_on_is_named(look, registry, triton):
    registry.put_index("ml/triton:1", "s390x")
    assert_problem(look(triton).problem_of(triton), "it is for s390x, and the suite's pods can't run there")
