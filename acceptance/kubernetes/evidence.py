"""What a namespace leaves for the report: its events, and the last state of each pod."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client

from acceptance.redaction.redactor import Redactor


def save_evidence(folder: Path, pods: Sequence[Any], events: Sequence[Any], redactor: Redactor) -> None:
    """Write events.log and pods.log into the folder, redacted; those that are gone belong in them as well."""
    lines = [
        f"{event.metadata.creation_timestamp} {event.type} {event.involved_object.kind} "
        f"{event.involved_object.name} {event.reason}: {event.message}"
        for event in sorted(events, key=lambda event: str(event.metadata.creation_timestamp))
    ]
    (folder / "events.log").write_text(redactor.text("\n".join([*lines, ""])))
    with client.ApiClient() as api:
        described = [api.sanitize_for_serialization(pod) for pod in pods]
    (folder / "pods.log").write_text(yaml.safe_dump_all(redactor.tree(described)))
