"""What registries and nodes say of a run's images before any of its pods is there."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from kubernetes.client import CoreV1Api, V1Node

from acceptance.errors import BadSetting, Problem
from acceptance.images import only_here
from acceptance.kubernetes import architectures, registry, site
from acceptance.kubernetes.docker_config import login_for, read_logins
from acceptance.kubernetes.namespace import Namespace
from acceptance.kubernetes.registry import Found, LoginRefused, NoAnswer, NotThere, Reference, read_reference
from acceptance.kubernetes.view import has_labels, join_some, name_of
from acceptance.login import Login

# a kubelet tells of so many images unless a site has it tell of more
MOST_TOLD = 50


@dataclass
class ImageSources:
    """Asks of each image the nodes first, and its registry where not all of them have it.

    `loaded`: the images that the run put into the nodes. What the registry says is final only where no node may have
    the image, and where it knows whom it refuses: nodes may have a login of their own. All else is left to the pods.
    """

    namespace: Namespace
    loaded: Collection[str] = ()
    seconds: float = registry.SECONDS
    found: dict[str, Found] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    final: dict[str, Problem] = field(default_factory=dict)
    doubtful: dict[str, Problem] = field(default_factory=dict)
    unasked: dict[str, str] = field(default_factory=dict)
    nodes: Sequence[V1Node] | None = None
    """Those that pods may go to, None where this account may not list them."""

    def look(self, images: Collection[str]) -> None:
        """Ask for the images, all at the same time; the namespace's pods follow what architectures they have."""
        self.nodes = self.list_nodes()
        asked = [image for image in images if image not in self.loaded and not self.on_all_nodes(image)]
        asked = [image for image in asked if not only_here(image)]
        logins = self.logins() if asked else {}
        with ThreadPoolExecutor(max(1, len(asked))) as pool:
            list(pool.map(lambda image: self.ask(image, login_for(image, logins)), asked))
        known = {image: one.architectures for image, one in self.found.items() if one.architectures}
        self.namespace.architectures.known.update(known)

    def list_nodes(self) -> list[V1Node] | None:
        cluster, selector = self.namespace.cluster, self.namespace.rules.node_selector
        with cluster.api_errors("asking the nodes for their images"), cluster.api() as api:
            nodes = site.list_all(CoreV1Api(api).list_node)
        return None if nodes is None else [node for node in nodes if has_labels(node, selector)]

    def on_all_nodes(self, image: str) -> bool:
        """Say whether each node has the image, which no pod asks a registry for then; keep which digest that is."""
        where, nodes = read_reference(image), self.nodes or ()
        digests = [digest for node in nodes if (digest := digest_on(node, where)) is not None]
        if not nodes or len(digests) < len(nodes):
            return False
        self.held.add(image)
        self.found[image] = Found(join_some(sorted({*filter(None, digests)})), frozenset(architectures.of_nodes(nodes)))
        return True

    def logins(self) -> Mapping[str, Login]:
        """Return what the pull secret holds, nothing where this account may not read it."""
        if not self.namespace.rules.pull_secret:
            return {}
        try:
            secret = site.copy_pull_secret(self.namespace.cluster, self.namespace.rules)
        except BadSetting:
            return {}
        return read_logins(next(iter(secret["data"].values())))

    def ask(self, image: str, login: Login | None) -> None:
        """Ask the image's registry, and keep what it says."""
        try:
            self.found[image] = registry.ask(image, login, self.seconds)
            return
        except NoAnswer as error:
            self.unasked[image] = str(error)
            return
        except NotThere as error:
            problem, certain = Problem(f"image {image}: {error.problem.what}", error.problem.fix), True
        except LoginRefused as error:
            problem, certain = self.refusal(image, login, str(error)), bool(login)
        if certain and self.nodes is not None and not any(may_have(node, image) for node in self.nodes):
            self.final[image] = problem
        else:
            self.doubtful[image], self.unasked[image] = problem, problem.what.removeprefix(f"image {image}: ")

    def refusal(self, image: str, login: Login | None, said: str) -> Problem:
        host, secret = read_reference(image).host, self.namespace.rules.pull_secret
        if login:
            fix = "have its account read the image, or renew it with `kubectl create secret docker-registry`"
            return Problem(f"image {image}: registry {host} refuses the login of --pull-secret {secret}: {said}", fix)
        whose = f"--pull-secret {secret} has none for it" if secret else "there is no --pull-secret"
        fix = "`--pull-secret NAMESPACE/NAME` names the Secret that has it, if the nodes have no login of their own"
        return Problem(f"image {image}: registry {host} asks for a login, and {whose}: {said}", fix)

    # --- what came of it

    def problem_of(self, image: str, node: V1Node | None = None) -> Problem | None:
        """Return why no pod can run the image, on the node if one is named; None where one may."""
        if image in self.final:
            return self.final[image]
        of_pods, selector = self.namespace.architectures, self.namespace.rules.node_selector
        there = architectures.of_nodes([node] if node else self.nodes or ())
        if architectures.LABEL in selector:
            there = {selector[architectures.LABEL]}
        usable, known = of_pods.of(image), image in of_pods.known
        if usable and (usable & there or not there):
            return None
        has = ", ".join(sorted(of_pods.known.get(image, usable)))
        says = f"it is for {has}" if known else f"nobody says what it is for, so {has} is assumed"
        where = f"node {name_of(node)} is" if node else "the nodes that pods may go to are"
        rest = f"{where} {', '.join(sorted(there))}" if there else "the suite's pods can't run there"
        fix = "name one for them with `--images FILE`"
        if not known:
            fix += f", or say what it is for with `--node-selector {architectures.LABEL}=ARCHITECTURE`"
        return Problem(f"image {image}: {says}, and {rest}", fix)

    def causes(self, failed: Sequence[Problem]) -> list[Problem]:
        """Return what a registry said of images whose pods have failed since."""
        return [problem for image, problem in self.doubtful.items() if any(image in one.what for one in failed)]

    def digests(self) -> dict[str, str]:
        """Return the digest of each image that has one, and its architectures, for the report."""
        return {f"image {image}": self.words(image) for image in sorted(self.found) if self.found[image].digest}

    def words(self, image: str) -> str:
        of = ", ".join(sorted(self.found[image].architectures)) or "no architecture that is named"
        return f"{self.found[image].digest}, " + ("on the nodes already" if image in self.held else f"for {of}")

    def unchecked(self) -> list[str]:
        """Say of which images no digest is known, and why, each reason once."""
        reasons = dict.fromkeys(self.unasked.values())
        return [f"images {', '.join(self.left_by(reason))}: {reason}" for reason in reasons]

    def left_by(self, reason: str) -> Iterator[str]:
        return (image for image in sorted(self.unasked) if self.unasked[image] == reason)


def digest_on(node: V1Node, where: Reference) -> str | None:
    """Return the digest by which a node has an image, "" where it tells none, None where it tells of no such image."""
    for image in (node.status and node.status.images) or []:
        names = [read_reference(name) for name in image.names or []]
        if where in names:
            mine = [one.reference for one in names if (one.host, one.repository) == (where.host, where.repository)]
            return next((reference for reference in mine if ":" in reference), "")
    return None


def may_have(node: V1Node, image: str) -> bool:
    """Say whether a node tells of an image, or may have it without telling."""
    told = (node.status and node.status.images) or []
    return len(told) >= MOST_TOLD or digest_on(node, read_reference(image)) is not None
