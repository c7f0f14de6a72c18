"""The releases of Kubernetes that know all that a run sends; what is said of an older one."""

import re

OLDEST, NEWEST = (1, 28), (1, 34)


def too_old(version: str) -> str:
    """Return what is to be said of an API server that is older than those, "" for any other.

    `version`: as it calls itself, such as v1.27.16-eks-a737599.
    """
    found = re.match(r"v?(\d+)\.(\d+)", version)
    if not found or (int(found[1]), int(found[2])) >= OLDEST:
        return ""
    oldest, newest = (".".join(map(str, one)) for one in (OLDEST, NEWEST))
    return f"older than those that the suite is checked against ({oldest} to {newest})"


def described(version: str) -> str:
    """Return the version, and what is to be said of it."""
    return ", ".join(filter(None, (version, too_old(version))))
