"""Command line over variable over file over default: for values, flags, lists, and options that don't go together."""

from pathlib import Path

import pytest

from acceptance.errors import BadSetting
from acceptance.options.reader import Reader
from acceptance.options.reading import settings_of
from acceptance.options.settings_file import read_file
from acceptance.options.table import Option
from acceptance.settings import Settings

TARGETS = ["embedded", "docker", "existing", "kind", "k3d"]
LABEL = Option("--label", "a label", many=True)


@pytest.fixture
def reader(tmp_path):
    """Make a reader of a file's text, of variables and of options."""

    def make(text, environment=None, **given):
        path = tmp_path / "site.toml"
        path.write_text(text)
        return Reader(given, environment or {}, read_file(path, "site.toml"))

    return make


def test_each_place_wins_over_the_next(reader):
    text, variable = "rate = 100\n", {"ACCEPTANCE_RATE": "200"}
    assert reader("").text("rate")[0] == ""
    assert reader(text).text("rate") == ("100", "site.toml:1: rate = 100")
    assert reader(text, variable).text("rate") == ("200", "ACCEPTANCE_RATE=200")
    assert reader(text, variable, rate="300").text("rate") == ("300", "--rate 300")


def test_an_empty_variable_counts_as_not_given(reader):
    variables = {"ACCEPTANCE_RATE": "", "ACCEPTANCE_KEEP": ""}
    settings = settings_of(reader("rate = 100\nkeep = true\n", variables), TARGETS)
    assert (settings.rate, settings.keep) == (100, True)


@pytest.mark.parametrize("off", ["0", "no", "false", "off"])
def test_a_flag_that_a_variable_turns_off_is_off(reader, off):
    assert not settings_of(reader("keep = true\n", {"ACCEPTANCE_KEEP": off}), TARGETS).keep


def test_a_flag_that_the_file_turns_off_can_be_turned_on(reader):
    text = "keep = false\n"
    assert not settings_of(reader(text), TARGETS).keep
    assert settings_of(reader(text, {"ACCEPTANCE_KEEP": "1"}), TARGETS).keep
    assert settings_of(reader(text, keep=True), TARGETS).keep


def test_a_bad_value_that_another_place_wins_over_is_not_looked_at(reader):
    assert settings_of(reader("rate = 0\n", rate="300"), TARGETS).rate == 300


def test_the_winning_place_replaces_the_whole_list(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text('label = ["a", "b"]\n')
    file = read_file(path, "site.toml", [LABEL])
    variable = {"ACCEPTANCE_LABEL": "c 'd e'"}

    def values(given, environment):
        return [value for value, _ in Reader(given, environment, file, [LABEL]).each("label")]

    assert values({}, {}) == ["a", "b"]
    assert values({}, variable) == ["c", "d e"]
    assert values({"label": ["f"]}, variable) == ["f"]
    assert values({"label": []}, {"ACCEPTANCE_LABEL": ""}) == ["a", "b"]


def test_a_variable_that_is_no_shells_words_is_refused():
    with pytest.raises(BadSetting, match=r"^ACCEPTANCE_LABEL='a: can't be split into words \(No closing quotation\)"):
        Reader({}, {"ACCEPTANCE_LABEL": "'a"}, None, [LABEL]).each("label")


# --- options that contradict each other


def test_of_two_that_contradict_each_other_the_one_of_the_winning_place_counts(reader):
    cases = [
        (reader('data = "digits"\n', {"CIFAR10_DIR": "/"}), "auto", Path("/")),
        (reader('data = "digits"\n', cifar10="/"), "auto", Path("/")),
        (reader('cifar10 = "/"\n', {"ACCEPTANCE_DATA": "digits"}), "digits", None),
        (reader('cifar10 = "/"\n', data="digits"), "digits", None),
        (reader('cifar10 = "/"\n', {"CIFAR10_DIR": "/no/such"}, data="digits"), "digits", None),
    ]
    for one, data, cifar10 in cases:
        settings = settings_of(one, TARGETS)
        assert (settings.data, settings.cifar10) == (data, cifar10)


def test_of_two_of_one_file_both_are_named(reader):
    words = '^site.toml:1: data = "digits" and site.toml:2: cifar10 = "/": contradict each other; leave one out$'
    with pytest.raises(BadSetting, match=words):
        settings_of(reader('data = "digits"\ncifar10 = "/"\n'), TARGETS)


def test_what_gave_way_is_told(reader):
    one = reader("agents = 0\n", {"ACCEPTANCE_CLUSTER": "blue"}, target="k3d")
    settings = settings_of(one, TARGETS)
    assert (settings.cluster, settings.agents) == ("blue", 2)
    assert one.left_out == ["site.toml:1: agents = 0 gives way to --cluster"]


SITE = """target = "k3d"
store = "minio"
predictor = "kserve"
runtime = "mine"
pod-security = "baseline"
agents = 3
"""


def test_a_sites_cluster_options_give_way_to_a_target_from_a_place_that_wins(reader):
    assert settings_of(reader(SITE), TARGETS).runtime == "mine"
    for one in (reader(SITE, target="embedded"), reader(SITE, {"ACCEPTANCE_TARGET": "embedded"})):
        settings = settings_of(one, TARGETS)
        assert (settings.target, settings.store, settings.predictor) == ("embedded", "", "deployment")
        assert (settings.runtime, settings.pod_security, settings.agents) == ("", "restricted", 2)
        assert len(one.left_out) == 5
        assert 'site.toml:4: runtime = "mine" gives way to --predictor' in one.left_out
        assert 'site.toml:2: store = "minio" gives way to --target' in one.left_out


def test_what_a_site_asks_of_pods_gives_way_as_well(reader):
    text = 'target = "kind"\nlabel = ["team=ml", "env=ci"]\nruntime-class = "nvidia"\n'
    pods = settings_of(reader(text), TARGETS).pods
    assert (pods.labels, pods.runtime_class) == ({"team": "ml", "env": "ci"}, "nvidia")
    one = reader(text, target="docker")
    assert settings_of(one, TARGETS).pods.labels == {}
    assert one.left_out == [
        'site.toml:2: label = ["team=ml", "env=ci"] gives way to --target',
        'site.toml:3: runtime-class = "nvidia" gives way to --target',
    ]
    with pytest.raises(BadSetting, match=r'^site.toml:1: label = \["team=ml"\]: it is about pods'):
        settings_of(reader('label = ["team=ml"]\n'), TARGETS)


def test_of_a_namespace_and_a_level_the_one_of_the_winning_place_counts(reader):
    text = 'target = "existing"\nnamespace = "team"\n'
    settings = settings_of(reader(text, pod_security="baseline"), TARGETS)
    assert (settings.namespace, settings.pod_security) == ("", "baseline")
    settings = settings_of(reader('target = "existing"\npod-security = "baseline"\n', namespace="team"), TARGETS)
    assert (settings.namespace, settings.pod_security) == ("team", "restricted")
    with pytest.raises(BadSetting, match="the namespace's level is its owner's; leave one out"):
        settings_of(reader(f'{text}pod-security = "baseline"\n'), TARGETS)


def test_a_variable_gives_way_to_a_typed_target_as_well(reader):
    one = reader("", {"ACCEPTANCE_KUBE_CONTEXT": "lab"}, target="embedded")
    assert settings_of(one, TARGETS).kube_context == ""
    assert one.left_out == ["ACCEPTANCE_KUBE_CONTEXT=lab gives way to --target"]


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ('target = "embedded"\nkube-context = "lab"\n', {}),
        ('kube-context = "lab"\n', {}),
        ('target = "embedded"\n', {"kube_context": "lab"}),
        ("", {"target": "embedded", "kube_context": "lab"}),
    ],
)
def test_what_has_no_use_is_refused_unless_the_targets_place_wins(reader, text, given):
    with pytest.raises(BadSetting, match="only --target existing uses it, and the target is embedded; leave one out"):
        settings_of(reader(text, **given), TARGETS)


def test_an_experiment_gives_way_with_its_server(reader):
    text = 'mlflow = "https://mlflow.example.com"\nmlflow-experiment = "nightly"\n'
    assert settings_of(reader(text), TARGETS).mlflow_experiment == "nightly"
    settings = settings_of(reader(text, store="s3://models/ci"), TARGETS)
    assert (settings.mlflow, settings.mlflow_experiment) == ("", Settings.mlflow_experiment)
    with pytest.raises(BadSetting, match="only --mlflow uses it"):
        settings_of(reader('mlflow-experiment = "nightly"\n'), TARGETS)


def test_a_runtime_gives_way_to_a_typed_predictor(reader):
    assert settings_of(reader(SITE, predictor="deployment"), TARGETS).runtime == ""
    with pytest.raises(BadSetting, match=r'site.toml:1: runtime = "mine": only --predictor kserve uses it'):
        settings_of(reader('runtime = "mine"\n'), TARGETS)
