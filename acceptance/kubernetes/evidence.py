"""What a namespace leaves for the report: its events, and the last state of each pod."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client

from acceptance.files import write_whole
from acceptance.redaction.redactor import Redactor


def save_evidence(folder: Path, pods: Sequence[Any], events: Sequence[Any], redactor: Redactor) -> None:
    """Write events.log and pods.log into the folder, redacted; those that are gone belong in them as well."""
    lines = [
        f"{event.metadata.creation_timestamp} {event.type} {event.involved_object.kind} "
        f"{event.involved_object.name} {event.reason}: {event.message}"
        for event in sorted(events, key=lambda event: str(event.metadata.creation_timestamp))
    ]
    write_whole(folder / "events.log", redactor.text("\n".join([*lines, ""])))
    with client.ApiClient() as api:
        described = [api.sanitize_for_serialization(pod) for pod in pods]
    write_whole(folder / "pods.log", yaml.safe_dump_all(redactor.tree(described)))
