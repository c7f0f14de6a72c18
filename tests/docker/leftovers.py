"""What a run left on the Docker daemon and in its folder."""

from acceptance.docker.cleanup import PART_OF, leftovers
from acceptance.waiting import Ready, wait_until
from tests.chain.leftovers import CLEAN_SECONDS
from tests.chain.leftovers import leftovers as left_here

((NAME, VALUE),) = PART_OF.items()


def left(client, folder) -> list[str]:
    """Return every container, network and volume of the suite, and what is left of a run with TMPDIR=<folder>/tmp."""
    found = leftovers(client, f"{NAME}={VALUE}")
    return [f"{kind} {item.name}" for kind, items in found.items() for item in items] + left_here(folder)


def wait_clean(client, folder) -> None:
    """Wait until nothing is left; the guardian takes some seconds."""
    wait_until(
        "nothing to be left", lambda: Ready(None) if not (found := left(client, folder)) else str(found), CLEAN_SECONDS
    )
