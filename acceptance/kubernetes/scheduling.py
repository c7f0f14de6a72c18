"""Why no node takes a pod: what is short, what isn't tolerated, and what is on no node's labels."""

from collections.abc import Sequence

from kubernetes.client import V1Node, V1NodeSelectorRequirement, V1NodeSelectorTerm, V1Pod, V1Taint

from acceptance.kubernetes.gpu_diagnosis import gpu_shortage
from acceptance.kubernetes.selectors import meets
from acceptance.kubernetes.view import (
    NAMED,
    ClusterView,
    allocatable,
    bad_conditions,
    format_quantity,
    free,
    has_labels,
    join_some,
    labels_of,
    name_of,
    quantity_of,
    requested,
)


def why_no_node(pod: V1Pod, cluster: ClusterView) -> list[str]:
    """Spell out what the scheduler's message sums up, a sentence for each cause; may be empty."""
    nodes, pods = cluster.nodes(), cluster.pods()
    if not nodes:
        return ["the cluster has no node"]
    fitting = [node for node in nodes if fits_selector(pod, node) and fits_affinity(pod, node)]
    causes = [] if fitting else unmatched_labels(pod, nodes)
    # room on a node that is out of the question anyway would mislead
    open_to_it = [node for node in fitting if not untolerated(node, pod)] or fitting or nodes
    for resource, wanted in requested(pod).items():
        if resource == cluster.gpu:
            causes += [why] if (why := gpu_shortage(wanted, open_to_it, pods, cluster)) else []
            continue
        best = max(open_to_it, key=lambda node: free(node, resource, pods))
        if wanted > (left := free(best, resource, pods)):
            given = format_quantity(resource, quantity_of(allocatable(best), resource))
            causes.append(
                f"{resource} is short: the pod asks for {format_quantity(resource, wanted)}, the most that a node has"
                f" free is {format_quantity(resource, left)} (node {name_of(best)}, {given} allocatable)"
            )
    causes += [cause for node in fitting[:NAMED] for cause in bad_conditions(node) + untolerated(node, pod)]
    if len(fitting) > NAMED:
        causes.append(f"{len(fitting) - NAMED} more nodes fit its labels: `kubectl describe nodes`")
    return causes


def untolerated(node: V1Node, pod: V1Pod) -> list[str]:
    """Name the taints of a node that keep a pod away."""
    found = []
    for taint in (node.spec and node.spec.taints) or []:
        if taint.effect == "PreferNoSchedule" or tolerates(pod, taint):
            continue
        fix = f"`kubectl taint node {name_of(node)} {taint.key}-` removes it"
        if taint.key == "node.kubernetes.io/unschedulable":
            fix = f"it is cordoned: `kubectl uncordon {name_of(node)}`"
        elif taint.key.startswith("node.kubernetes.io/"):
            fix = f"the cluster takes it off when the node is well: `kubectl describe node {name_of(node)}`"
        value = f"={taint.value}" if taint.value else ""
        kind = f"{taint.key}{value}:{taint.effect}"
        found.append(f"node {name_of(node)} has the taint {kind}, which the pod doesn't tolerate; {fix}")
    return found


def tolerates(pod: V1Pod, taint: V1Taint) -> bool:
    assert pod.spec
    for toleration in pod.spec.tolerations or []:
        key = not toleration.key or toleration.key == taint.key
        value = toleration.operator == "Exists" or (toleration.value or "") == (taint.value or "")
        if key and value and toleration.effect in (None, "", taint.effect):
            return True
    return False


def fits_selector(pod: V1Pod, node: V1Node) -> bool:
    assert pod.spec
    return has_labels(node, pod.spec.node_selector or {})


def fits_affinity(pod: V1Pod, node: V1Node) -> bool:
    terms = affinity_terms(pod)
    return not terms or any(term_matches(term, node) for term in terms)


def affinity_terms(pod: V1Pod) -> list[V1NodeSelectorTerm]:
    """Return the alternatives of a pod's required node affinity."""
    affinity = pod.spec and pod.spec.affinity and pod.spec.affinity.node_affinity
    required = affinity and affinity.required_during_scheduling_ignored_during_execution
    return required.node_selector_terms if required else []


def unmatched_labels(pod: V1Pod, nodes: Sequence[V1Node]) -> list[str]:
    """Name what of the nodeSelector and the required node affinity no node matches."""
    assert pod.spec
    found = []
    selector = pod.spec.node_selector or {}
    for key, value in selector.items():
        if not any(labels_of(node).get(key) == value for node in nodes):
            others = sorted({labels_of(node)[key] for node in nodes if key in labels_of(node)})
            instead = f"nodes have {join_some([f'{key}={other}' for other in others])}" if others else f"none has {key}"
            label = (
                f"`kubectl label node NAME {key}={value}` adds it to one of {join_some([name_of(n) for n in nodes])}"
            )
            found.append(f"no node has the label {key}={value} of the pod's nodeSelector ({instead}); {label}")
    if not any(fits_affinity(pod, node) for node in nodes):
        wanted = " or ".join(
            " and ".join(f"{e.key} {e.operator} {e.values or ''}".strip() for e in requirements(term))
            for term in affinity_terms(pod)
        )
        found.append(
            f"no node matches the pod's required node affinity: {wanted}; look at `kubectl get nodes -L LABEL`"
        )
    together = f"no one node has all labels that the pod wants: {selector}; look at `kubectl get nodes --show-labels`"
    return found or [together]


def requirements(term: V1NodeSelectorTerm) -> list[V1NodeSelectorRequirement]:
    return [*(term.match_expressions or []), *(term.match_fields or [])]


def term_matches(term: V1NodeSelectorTerm, node: V1Node) -> bool:
    """Return whether a node has the labels, and the name (its only field), of one affinity term."""
    own = {**labels_of(node), "metadata.name": name_of(node)}
    return all(meets(wanted, own) for wanted in requirements(term))
