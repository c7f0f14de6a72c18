"""How long a cluster's nodes took to pull the run's images, from the kubelet's own words."""

import re
from collections.abc import Iterable
from typing import Any

from acceptance.images import Pull

# Successfully pulled image "x" in 1m2.5s (1m3s including waiting). Image size: 1 bytes.
PULLED = re.compile(r'Successfully pulled image "([^"]+)" in ([\d.hmsµu]+)')
DURATION = re.compile(r"([\d.]+)(h|ms|µs|us|m|s)")
SECONDS_IN = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}


def pulls(events: Iterable[Any]) -> list[Pull]:
    """Return the images that were pulled; one that a node had already has no such event."""
    found = []
    for event in events:
        words = PULLED.match(event.message or "")
        ended = event.last_timestamp or event.event_time or event.metadata.creation_timestamp
        if words and ended:
            seconds = sum(float(number) * SECONDS_IN[unit] for number, unit in DURATION.findall(words[2]))
            found.append(Pull(words[1], ended.timestamp(), seconds))
    return found
