"""What FuseML's answers hold. Its server and its command line write the keys each in its own way: case is no matter.

Only what is named here is taken: extensions have credentials in them.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from acceptance.errors import AcceptanceError
from acceptance.workflows.model import Application, Codeset, Run

T = TypeVar("T")


def lowered(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {str(key).lower(): lowered(value) for key, value in tree.items()}
    return [lowered(item) for item in tree] if isinstance(tree, list) else tree


def read(what: str, tree: Any, reading: Callable[[Any], T]) -> T:
    """Return what the reading makes of an answer; raises AcceptanceError for one that lacks what FuseML's have."""
    try:
        return reading(lowered(tree))
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise AcceptanceError(f"{what}: no answer of FuseML 0.3's: {type(error).__name__}, {error}") from error


def codeset(tree: Any) -> Codeset:
    return Codeset(tree["project"], tree["name"], tree["url"])


def codesets(tree: Any) -> list[Codeset]:
    return [codeset(one) for one in tree]


def resources(tree: Any) -> set[str]:
    return {service["resource"] for extension in tree for service in extension.get("services") or ()}


def names(tree: Any) -> list[str]:
    return [str(one["name"]) for one in tree]


def assignments(tree: Any) -> dict[str, list[Codeset]]:
    return {one["workflow"]: codesets(one["codesets"]) for one in tree}


def runs(tree: Any) -> list[Run]:
    return [run(one) for one in tree]


def run(tree: Any) -> Run:
    return Run(
        name=tree["name"],
        workflow=tree["workflowref"],
        # REPOSITORY:BRANCH
        codesets=tuple(
            one["value"].rpartition(":")[0] for one in tree.get("inputs") or () if one["input"]["type"] == "codeset"
        ),
        state=tree["status"],
        started=time(tree["starttime"]),
        ended=time(tree["completiontime"]),
        outputs={one["output"]["name"]: one["value"] for one in tree.get("outputs") or ()},
    )


def time(text: str) -> datetime | None:
    """Return a time; the year 1 is Go's for none."""
    found = datetime.fromisoformat(text)
    return None if found.year == 1 else found


def applications(tree: Any) -> list[Application]:
    return [
        Application(
            name=one["name"],
            workflow=one["workflow"],
            url=one["url"],
            description=one.get("description") or "",
            # k8s_resources of the server, k8sresources of the command line
            kinds=tuple(item["kind"] for item in one.get("k8s_resources") or one.get("k8sresources") or ()),
        )
        for one in tree
    ]
