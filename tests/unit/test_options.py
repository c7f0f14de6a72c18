"""Options: defaults, environment variables, and errors that name the option, the value and the fix."""

from pathlib import Path

import pytest

from acceptance.errors import BadSetting
from acceptance.options import OPTIONS, read_settings

TARGETS = ["embedded", "existing"]
CLUSTERS = ["embedded", "docker", "kind", "k3d", "existing"]


def read(environment=None, **given):
    return read_settings(given, TARGETS, environment or {})


def test_defaults_are_the_quick_profile_on_the_embedded_target():
    settings = read()
    assert (settings.target, settings.profile, settings.data) == ("embedded", "quick", "auto")
    assert (settings.rate, settings.duration, settings.expect_index) == (600, 10, 4)


def test_the_tutorial_profile_sends_36_000_requests():
    assert read(profile="tutorial").requests == 36_000
    assert read(profile="tutorial", data="digits").requests == 36_000


def test_the_quick_profile_sends_half_as_many_where_the_stand_in_was_asked_for():
    assert read(data="digits").requests == 3_000
    assert read(data="digits", duration="10").requests == read(data="cifar10").requests == 6_000


def test_other_targets_default_to_the_tutorial_profile():
    assert read(target="existing").profile == "tutorial"


def test_an_environment_variable_stands_in_for_an_option_and_yields_to_it():
    environment = {"ACCEPTANCE_RATE": "100", "ACCEPTANCE_REQUIRE_GPU": "1", "ACCEPTANCE_KEEP": "0"}
    settings = read(environment)
    assert (settings.rate, settings.require_gpu, settings.keep) == (100, True, False)
    assert read(environment, rate="200").rate == 200


@pytest.mark.parametrize(("value", "on"), [("on", True), ("Yes", True), ("off", False), ("no", False), ("", False)])
def test_a_flags_variable_is_yes_or_no(value, on):
    assert read({"ACCEPTANCE_KEEP": value}).keep == on


def test_a_flags_variable_that_is_neither_is_refused():
    with pytest.raises(BadSetting, match="ACCEPTANCE_REQUIRE_GPU=maybe: neither yes nor no; write 1 or 0"):
        read({"ACCEPTANCE_REQUIRE_GPU": "maybe"})


def test_a_path_has_its_variables_expanded_as_pytest_does(monkeypatch):
    monkeypatch.setenv("WHERE", "/made/up")
    assert read(report="$WHERE/report").report == Path("/made/up/report")


@pytest.mark.parametrize("name", ["request", "compare", "images"])
@pytest.mark.parametrize("value", ["/dev/zero", "/"])
def test_what_is_no_file_is_not_read(name, value):
    with pytest.raises(BadSetting, match=f"--{name} {value}: a folder, a device or a pipe; name a file"):
        read(**{name: value})


def test_every_option_has_its_own_variable():
    variables = [option.environment for option in OPTIONS]
    assert len(set(variables)) == len(OPTIONS)
    assert "CIFAR10_DIR" in variables


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"target": "moon"}, ["--target moon", "embedded, existing"]),
        ({"profile": "slow"}, ["--profile slow", "quick, tutorial"]),
        ({"data": "mnist"}, ["--data mnist", "auto, cifar10, digits"]),
        ({"rate": "fast"}, ["--rate fast", "whole number"]),
        ({"rate": "0"}, ["--rate 0", "from 1"]),
        ({"rate": "-5"}, ["--rate -5", "whole number"]),
        ({"duration": "1.5"}, ["--duration 1.5", "seconds"]),
        ({"rate": "60", "duration": "10"}, ["--rate 60 --duration 10", "600 requests", "662"]),
        ({"rate": "100000", "duration": "60"}, ["6,000,000 requests", "1,000,000", "lower"]),
        ({"expect_index": "10"}, ["--expect-index 10", "0 to 9"]),
        ({"cifar10": "/no/such/place"}, ["--cifar10 /no/such/place", "no such file"]),
        ({"request": "/no/such/file"}, ["--request /no/such/file", "no such file"]),
        ({"data": "digits", "cifar10": "/"}, ["--data digits and --cifar10 /:", "contradict", "leave one out"]),
        ({"cifar10": "~nosuchuser/x"}, ["--cifar10 ~nosuchuser/x", "home directory", "by its whole path"]),
        ({"report": "~nosuchuser/x"}, ["--report ~nosuchuser/x", "home directory", "by its whole path"]),
        ({"request": "x" * 5000}, ["--request xxx", "(5,000 characters)", "too long", "name another"]),
        ({"report": "x" * 5000}, ["--report xxx", "(5,000 characters)", "too long", "name another"]),
        ({"rate": "9" * 5000}, ["--rate 999", "(5,000 characters)", "from 1 to 100000"]),
        ({"target": "x" * 5000}, ["--target xxx", "(5,000 characters)", "embedded, existing"]),
    ],
)
def test_a_bad_value_is_named_with_what_would_do(given, words):
    with pytest.raises(BadSetting) as caught:
        read(**given)
    assert all(word in str(caught.value) for word in words)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_number_may_have_as_many_zeros_before_it_as_it_likes():
    assert read(rate="0" * 5000 + "600").rate == 600


def test_a_secret_in_a_bad_value_is_not_shown():
    place = "https://user:hunter2hunter2@store.example"
    for environment, given in (({"ACCEPTANCE_STORE": place}, {}), ({}, {"store": place})):
        with pytest.raises(BadSetting, match=r"https://\[redacted\]@store.example: no place") as caught:
            read(environment, **given)
        assert "hunter2" not in str(caught.value)


def test_a_bad_variable_is_named_as_the_variable():
    with pytest.raises(BadSetting, match="ACCEPTANCE_RATE=fast"):
        read({"ACCEPTANCE_RATE": "fast"})


@pytest.mark.parametrize(
    ("environment", "given", "words"),
    [
        ({"ACCEPTANCE_RATE": "1"}, {}, "ACCEPTANCE_RATE=1 --duration 10: 10 requests are too few"),
        ({"ACCEPTANCE_DURATION": "9"}, {"rate": "5"}, "--rate 5 ACCEPTANCE_DURATION=9: 45 requests are too few"),
    ],
)
def test_a_load_that_cannot_be_is_named_as_it_was_given(environment, given, words):
    with pytest.raises(BadSetting, match=words):
        read(environment, **given)


def test_an_option_beats_the_variable_of_another_that_contradicts_it():
    settings = read({"CIFAR10_DIR": "/no/such/place"}, data="digits")
    assert (settings.data, settings.cifar10) == ("digits", None)
    settings = read({"ACCEPTANCE_DATA": "digits"}, cifar10="/")
    assert (settings.data, settings.cifar10) == ("auto", Path("/"))
    settings = read_settings({"target": "k3d", "cluster": "blue"}, CLUSTERS, {"ACCEPTANCE_AGENTS": "0"})
    assert (settings.cluster, settings.agents) == ("blue", 2)


def test_variables_that_contradict_each_other_are_named_as_variables():
    with pytest.raises(BadSetting, match="ACCEPTANCE_DATA=digits and CIFAR10_DIR=/: contradict each other"):
        read({"ACCEPTANCE_DATA": "digits", "CIFAR10_DIR": "/"})
    with pytest.raises(BadSetting, match="ACCEPTANCE_AGENTS=0 and ACCEPTANCE_CLUSTER=blue: it is there already"):
        read_settings({"target": "k3d"}, CLUSTERS, {"ACCEPTANCE_AGENTS": "0", "ACCEPTANCE_CLUSTER": "blue"})


def test_data_and_a_folder_that_agree_go_together():
    settings = read({"CIFAR10_DIR": "/"}, data="cifar10")
    assert (settings.data, settings.cifar10) == ("cifar10", Path("/"))


def test_a_context_is_refused_where_the_target_has_no_use_for_it():
    with pytest.raises(BadSetting, match="--kube-context lab: only --target existing uses it"):
        read(target="embedded", kube_context="lab")
    assert read(target="existing", kube_context="lab").kube_context == "lab"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"target": "existing", "cluster": "blue"}, "--cluster blue: only --target kind or k3d uses it"),
        ({"target": "kind", "agents": "1"}, "--agents 1: only --target k3d uses it, and the target is kind"),
        ({"target": "k3d", "agents": "two"}, "--agents two: must be a whole number of agents from 0 to 9"),
        ({"target": "k3d", "agents": "0", "cluster": "blue"}, "--agents 0 and --cluster blue: it is there already"),
        ({"target": "k3d", "agents": "2", "cluster": "blue"}, "--agents 2 and --cluster blue: it is there already"),
    ],
)
def test_options_of_clusters_are_refused_where_they_have_no_use(given, words):
    with pytest.raises(BadSetting, match=words):
        read_settings(given, CLUSTERS, {})


def test_a_store_is_a_place_in_a_bucket():
    assert read(store="s3://models/ci/").store == "s3://models/ci"
    assert read({"ACCEPTANCE_STORE": "s3://models"}).store == "s3://models"
    assert read().store == ""


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"store": "models"}, "--store models: no place in an object store; write s3://BUCKET/PREFIX"),
        (
            {"store": "minio", "target": "embedded"},
            "--store minio: .*the target is embedded; choose --target docker or existing or kind or k3d, or name",
        ),
        ({"target": "existing", "predictor": "kserve"}, "--predictor kserve: .*s3://BUCKET/PREFIX, .*--store minio"),
        ({"target": "existing", "predictor": "seldon"}, "--predictor seldon: Seldon copies .*store; name yours, --sto"),
        (
            {"target": "existing", "predictor": "seldon", "store": "minio"},
            "--predictor seldon: .*own MinIO has a certificate that it takes from nobody; name yours, --store s3://",
        ),
    ],
)
def test_a_store_that_cannot_be_is_named(given, words):
    with pytest.raises(BadSetting, match=words):
        read_settings(given, CLUSTERS, {})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"gateway": "http://10.0.0.1"}, "--gateway http://10.0.0.1: only --predictor seldon uses it"),
        ({"predictor": "kserve", "gateway": "http://10.0.0.1"}, "only --predictor seldon uses it; leave one out"),
        ({"predictor": "seldon", "gateway": "10.0.0.1"}, "--gateway 10.0.0.1: must be http://HOST or https://HOST"),
        ({"predictor": "seldon", "gateway": "https://ml.example.org/seldon"}, "without a path: the suite adds"),
        ({"predictor": "seldon", "gateway": "https://u:p@ml.example.org"}, "must be http://HOST"),
    ],
)
def test_an_ingress_of_seldons_is_named_by_its_host_alone(given, words):
    with pytest.raises(BadSetting, match=words):
        read_settings({"target": "existing", "store": "s3://models", **given}, CLUSTERS, {})


@pytest.mark.parametrize("url", ["http://10.0.0.1:8080/", "https://ml.example.org"])
def test_an_ingress_of_seldons_may_have_a_port_and_tls(url):
    given = {"target": "existing", "store": "s3://models", "predictor": "seldon", "gateway": url}
    settings = read_settings(given, CLUSTERS, {})
    assert settings.seldon
    assert settings.gateway == url.rstrip("/")


@pytest.mark.parametrize("target", ["docker", "existing", "kind", "k3d"])
def test_a_run_may_bring_its_own_store_where_it_can_start_one(target):
    settings = read_settings({"target": target, "store": "minio"}, CLUSTERS, {})
    assert settings.minio
    assert settings.store_place == "s3://models"
    yours = read_settings({"target": target, "store": "s3://mine/ci"}, CLUSTERS, {})
    assert not yours.minio
    assert yours.store_place == "s3://mine/ci"


def test_a_cluster_has_two_agents_and_the_runs_own_name_unless_told_otherwise():
    assert read_settings({"target": "k3d"}, CLUSTERS, {}).agents == 2
    assert read_settings({"target": "k3d", "agents": "0"}, CLUSTERS, {}).agents == 0
    assert read_settings({"target": "k3d"}, CLUSTERS, {}).cluster == ""
    assert read_settings({"target": "kind"}, CLUSTERS, {"ACCEPTANCE_CLUSTER": "blue"}).cluster == "blue"


@pytest.mark.parametrize("target", ["docker", "existing", "kind", "k3d"])
def test_a_mirror_is_a_host_with_or_without_a_path(target):
    for registry in ("mirror.site", "mirror.site:5000/ml/all", "localhost:5000", "[fd00::5]:5000/ml"):
        assert read_settings({"target": target, "registry": f"{registry}/"}, CLUSTERS, {}).registry == registry


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"target": "docker", "registry": "https://mirror.site"}, "--registry https://mirror.site: .*without https://"),
        ({"target": "docker", "registry": "fd00::5/ml"}, "--registry fd00::5/ml: must be HOST or HOST/PATH"),
        ({"target": "docker", "registry": "mirror.site/ML"}, "--registry mirror.site/ML: must be HOST or HOST/PATH"),
        ({"target": "embedded", "registry": "mirror.site"}, "--registry mirror.site: only --target docker or existing"),
    ],
)
def test_what_is_no_mirror_is_named(given, words):
    with pytest.raises(BadSetting, match=words):
        read_settings(given, CLUSTERS, {})
