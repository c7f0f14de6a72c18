"""What a run left on the Docker daemon and in its folder."""

from acceptance.docker.cleanup import PART_OF, find_labelled
from acceptance.waiting import Ready, wait_until
from tests.chain.leftovers import CLEAN_SECONDS
from tests.chain.leftovers import leftovers as left_here

((NAME, VALUE),) = PART_OF.items()


def left(client, folder) -> list[str]:
    """Return every container, network and volume of the suite, and what is left of a run with TMPDIR=<folder>/tmp."""
    found = find_labelled(client, f"{NAME}={VALUE}")
    return [f"{kind} {item.name}" for kind, items in found.items() for item in items] + left_here(folder)


def wait_clean(client, folder) -> None:
    """Wait until nothing is left; the guardian takes some seconds."""

    def state() -> Ready[None] | str:
        found = left(client, folder)
        return str(found) if found else Ready(None)

    wait_until("nothing to be left", state, CLEAN_SECONDS)
