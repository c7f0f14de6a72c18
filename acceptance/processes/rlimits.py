"""What processes may take at most, as `ulimit` shows it: soft limits are raised as far as the hard ones allow."""

import resource
from collections.abc import Iterable
from dataclasses import dataclass

from acceptance.errors import Problem

RAISE = (
    "raise the hard limit: /etc/security/limits.conf and a new login, a service's Limit...= lines, or `--ulimit` of a "
    "container"
)


@dataclass(frozen=True)
class Limit:
    """A limit and the least that it must be, in the limit's own unit: a number of files, or bytes."""

    resource: int
    option: str
    """`ulimit`'s letter for it."""
    what: str
    least: int
    unit: int = 1
    """How many of the limit's own make one of `ulimit`'s."""

    def enough(self, value: int) -> bool:
        return value == resource.RLIM_INFINITY or value >= self.least


def too_low(limit: Limit) -> Problem | None:
    """Say that even the hard limit is lower than what is needed."""
    _, hard = resource.getrlimit(limit.resource)
    if limit.enough(hard):
        return None
    given, needed = hard // limit.unit, -(-limit.least // limit.unit)
    return Problem(f"`ulimit -H{limit.option}` is {given} ({limit.what}); a run needs {needed}", RAISE)


def raise_soft_limits(limits: Iterable[Limit]) -> None:
    """Raise this process's soft limits, which its children inherit, to what is needed or as far as it may."""
    for limit in limits:
        soft, hard = resource.getrlimit(limit.resource)
        if not limit.enough(soft):
            resource.setrlimit(limit.resource, (limit.least if limit.enough(hard) else hard, hard))
