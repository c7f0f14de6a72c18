"""The options of what a site asks of pods: what they become, and what is refused before anything starts."""

import pytest

from acceptance.errors import BadSetting
from acceptance.options import read_settings
from acceptance.options.pod_rules import KEYS
from acceptance.options.table import BY_KEY
from acceptance.settings import PodRules

CLUSTERS = ["embedded", "docker", "kind", "k3d", "existing"]


def rules(environment=None, **given):
    return read_settings({"target": "existing", **given}, CLUSTERS, environment or {}).pods


def test_nothing_is_asked_of_pods_unless_a_site_says_so():
    assert rules() == PodRules()


def test_each_option_becomes_a_rule():
    found = rules(
        label=["team=ml", "cost-center=42"],
        annotation=["policy.site/owner=ml, platform = both"],
        node_selector=["kubernetes.io/arch=amd64"],
        toleration=["gpu=a100:NoSchedule", "spot:NoExecute", "dedicated"],
        priority_class="high",
        runtime_class="nvidia-cdi",
        gpu_resource="nvidia.com/mig-1g.5gb",
        storage_class="fast",
        pull_secret="platform/registry",  # noqa: S106
    )
    assert found == PodRules(
        labels={"team": "ml", "cost-center": "42"},
        annotations={"policy.site/owner": "ml, platform = both"},
        node_selector={"kubernetes.io/arch": "amd64"},
        tolerations=(
            {"key": "gpu", "operator": "Equal", "value": "a100", "effect": "NoSchedule"},
            {"key": "spot", "operator": "Exists", "effect": "NoExecute"},
            {"key": "dedicated", "operator": "Exists"},
        ),
        priority_class="high",
        runtime_class="nvidia-cdi",
        gpu_resource="nvidia.com/mig-1g.5gb",
        storage_class="fast",
        pull_secret="platform/registry",  # noqa: S106
    )


def test_a_variable_holds_several_values_as_a_shell_writes_them_and_what_was_typed_replaces_them_all():
    environment = {"ACCEPTANCE_ANNOTATION": 'team=ml "note=two words"'}
    assert rules(environment).annotations == {"team": "ml", "note": "two words"}
    assert rules(environment, annotation=["a=b"]).annotations == {"a": "b"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"label": ["team"]}, "--label team: must be KEY=VALUE"),
        ({"label": ["=ml"]}, "--label =ml: a key has at most 63 letters"),
        ({"label": ["team=two words"]}, "--label team=two words: a value has at most 63 letters"),
        ({"label": [f"team={'x' * 64}"]}, "a value has at most 63 letters"),
        ({"label": ["Site_/team=ml"]}, "--label Site_/team=ml: a key has .* DNS name with a slash"),
        ({"label": ["app.kubernetes.io/name=x"]}, "--label .*: the suite finds its objects by app.kubernetes.io/name"),
        ({"label": ["triton-acceptance/run=x"]}, "the suite finds its objects by triton-acceptance/run; leave it out"),
        ({"label": ["team=a", "team=b"]}, "--label team=b: team=a was given before; leave one out"),
        ({"annotation": ["team"]}, "--annotation team: must be KEY=VALUE"),
        ({"annotation": ["a b=c"]}, "--annotation a b=c: a key has at most 63 letters"),
        ({"node_selector": ["disk"]}, "--node-selector disk: must be KEY=VALUE"),
        ({"node_selector": ["disk=a/b"]}, "--node-selector disk=a/b: a value has at most"),
        ({"toleration": ["gpu=yes:Never"]}, "--toleration gpu=yes:Never: must end in one of :NoSchedule, :Prefer"),
        ({"toleration": ["gpu=yes:"]}, "--toleration gpu=yes:: must end in one of"),
        ({"toleration": [":NoSchedule"]}, "--toleration :NoSchedule: a key has"),
        ({"toleration": ["gpu=a/b:NoSchedule"]}, "--toleration gpu=a/b:NoSchedule: a value has"),
        ({"priority_class": "Very High"}, "--priority-class Very High: must be a PriorityClass's name"),
        ({"runtime_class": "a_b"}, "--runtime-class a_b: must be a RuntimeClass's name"),
        ({"storage_class": "-"}, "--storage-class -: must be a StorageClass's name"),
        ({"gpu_resource": "gpu"}, "--gpu-resource gpu: must be a resource's name, such as nvidia.com/mig-1g.5gb"),
        ({"pull_secret": "registry"}, "--pull-secret registry: must be NAMESPACE/NAME of a Secret"),
        ({"pull_secret": "a/b/c"}, "--pull-secret a/b/c: must be NAMESPACE/NAME of a Secret"),
    ],
)
def test_what_kubernetes_would_refuse_is_named_with_what_would_do(given, words):
    with pytest.raises(BadSetting, match=words):
        rules(**given)


def test_a_variable_that_is_no_list_of_words_is_named():
    with pytest.raises(BadSetting, match=r"ACCEPTANCE_LABEL=team='ml: can't be split into words .*as in a shell"):
        rules({"ACCEPTANCE_LABEL": "team='ml"})
    with pytest.raises(BadSetting, match="ACCEPTANCE_LABEL: team: must be KEY=VALUE"):
        rules({"ACCEPTANCE_LABEL": "team"})


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("target", ["embedded", "docker"])
def test_targets_without_pods_refuse_them(key, target):
    option = BY_KEY[key]
    value = ["a=b"] if option.many else "a"
    with pytest.raises(BadSetting, match=f"{option.name} .*the target is {target}"):
        read_settings({"target": target, key: value}, CLUSTERS, {})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"target": "kind", "namespace": "team-ml"}, "--namespace team-ml: only --target existing uses it"),
        ({"namespace": "Team"}, "--namespace Team: must be a namespace's name: small letters"),
        ({"namespace": "kube-system"}, "--namespace kube-system: it is Kubernetes' own; name another"),
        (
            {"namespace": "team-ml", "pod_security": "baseline"},
            "--pod-security baseline and --namespace team-ml: the namespace's level is its owner's; leave one out",
        ),
    ],
)
def test_a_namespace_that_cannot_be_used_is_named(given, words):
    with pytest.raises(BadSetting, match=words):
        read_settings({"target": "existing", **given}, CLUSTERS, {})


def test_a_namespace_of_the_users_is_worked_in():
    assert read_settings({"target": "existing", "namespace": "team-ml"}, CLUSTERS, {}).namespace == "team-ml"
    assert read_settings({"target": "existing"}, CLUSTERS, {}).namespace == ""
