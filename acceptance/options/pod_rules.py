"""What a site asks of every pod on its cluster, read from the options and checked as Kubernetes would."""

import re
from collections.abc import Sequence

from acceptance.errors import BadSetting
from acceptance.options.egress import read_egress
from acceptance.options.reader import Reader
from acceptance.options.table import BY_KEY
from acceptance.settings import PodRules

# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
OBJECT = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
KEY = re.compile(rf"({OBJECT}/)?{NAME}")
LABEL = re.compile(rf"({NAME})?")
RESOURCE = re.compile(rf"{OBJECT}/{NAME}")
PULL_SECRET = re.compile(rf"{OBJECT}/{OBJECT}")
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
# by which the suite finds its own objects
OWN = ("app.kubernetes.io/name", "app.kubernetes.io/part-of", "triton-acceptance/")
KEYS = (
    "label",
    "annotation",
    "node_selector",
    "toleration",
    "priority_class",
    "runtime_class",
    "gpu_resource",
    "storage_class",
    "pull_secret",
    "proxy",
    "no_proxy",
    "ca",
)


def read_pod_rules(reader: Reader, target: str, with_pods: Sequence[str]) -> PodRules:
    """Return the rules; raises BadSetting for one that Kubernetes would refuse, or on a target without pods."""
    if target not in with_pods:
        refuse(reader, target, with_pods)
    return PodRules(
        labels=pairs(reader, "label", LABEL),
        annotations=pairs(reader, "annotation"),
        node_selector=pairs(reader, "node_selector", LABEL),
        tolerations=tuple(toleration(value, source) for value, source in reader.each("toleration")),
        priority_class=named(reader, "priority_class", re.compile(OBJECT), "a PriorityClass's name"),
        runtime_class=named(reader, "runtime_class", re.compile(OBJECT), "a RuntimeClass's name"),
        gpu_resource=named(reader, "gpu_resource", RESOURCE, "a resource's name, such as nvidia.com/mig-1g.5gb"),
        storage_class=named(reader, "storage_class", re.compile(OBJECT), "a StorageClass's name"),
        pull_secret=named(reader, "pull_secret", PULL_SECRET, "NAMESPACE/NAME of a Secret"),
        egress=read_egress(reader),
    )


def refuse(reader: Reader, target: str, with_pods: Sequence[str]) -> None:
    for key in KEYS:
        if not BY_KEY[key].many:
            reader.only_for(key, target, *with_pods)
        elif (values := reader.each(key)) and not reader.gives_way(key, "target"):
            _, source = values[0]
            raise BadSetting(
                f"{source}: it is about pods, and the target is {target}; choose --target {' or '.join(with_pods)}, or "
                "leave it out"
            )


def named(reader: Reader, key: str, form: re.Pattern[str], what: str) -> str:
    value, source = reader.text(key)
    if value and not form.fullmatch(value):
        raise BadSetting(f"{source}: must be {what}")
    return value


def pairs(reader: Reader, key: str, form: re.Pattern[str] | None = None) -> dict[str, str]:
    """Return what KEY=VALUE options hold; raises BadSetting for what is no pair, and for a key that is there twice."""
    found: dict[str, str] = {}
    for text, source in reader.each(key):
        name, equals, value = text.partition("=")
        if not equals:
            raise BadSetting(f"{source}: must be KEY=VALUE")
        check_key(name, source)
        if form and not form.fullmatch(value):
            raise BadSetting(f"{source}: a value has at most 63 letters, digits, dots, dashes and underscores")
        if key != "node_selector" and name.startswith(OWN):
            raise BadSetting(f"{source}: the suite finds its objects by {name}; leave it out")
        if found.get(name, value) != value:
            raise BadSetting(f"{source}: {name}={found[name]} was given before; leave one out")
        found[name] = value
    return found


def toleration(text: str, source: str) -> dict[str, str]:
    """Return the toleration of KEY=VALUE:EFFECT, KEY:EFFECT or KEY, as `kubectl taint` writes taints."""
    taint, colon, effect = text.partition(":")
    name, equals, value = taint.partition("=")
    if colon and effect not in EFFECTS:
        raise BadSetting(f"{source}: must end in one of {', '.join(f':{one}' for one in EFFECTS)}")
    check_key(name, source)
    if not LABEL.fullmatch(value):
        raise BadSetting(f"{source}: a value has at most 63 letters, digits, dots, dashes and underscores")
    found = {"key": name, "operator": "Equal", "value": value} if equals else {"key": name, "operator": "Exists"}
    return {**found, "effect": effect} if effect else found


def check_key(name: str, source: str) -> None:
    if not KEY.fullmatch(name):
        raise BadSetting(
            f"{source}: a key has at most 63 letters, digits, dots, dashes and underscores, after an optional "
            "DNS name with a slash"
        )
