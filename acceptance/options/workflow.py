"""What runs workflows, and how it is asked, read from the options."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from acceptance.errors import BadSetting
from acceptance.options.reader import Place, Reader

URL = "http://HOST:PORT or https://HOST, without a path"


def read_workflow(reader: Reader, target: str, with_pods: Sequence[str]) -> dict[str, Any]:
    """Return the settings; raises BadSetting for what has no use, and for what the workflow lacks."""
    workflow = reader.one_of("workflow", "mlflow")
    _, source = reader.text("workflow")
    if workflow != "mlflow" and not reader.only_for("workflow", target, *with_pods):
        workflow = "mlflow"
    if workflow == "mlflow":
        refuse_others(reader, "fuseml_url", "fuseml_client", "fuseml_cli")
        return {}
    client = reader.one_of("fuseml_client", "rest")
    if client != "cli":
        refuse_others(reader, "fuseml_cli", needed="--fuseml-client cli")
    if not reader.text("mlflow")[0]:
        raise BadSetting(
            f"{source}: its trainer tracks on the MLflow of FuseML's extension; name that as it is reached from here, "
            "--mlflow URI"
        )
    url = read_url(reader, source)
    cli = reader.path("fuseml_cli") if client == "cli" else None
    return {"workflow": workflow, "fuseml_url": url, "fuseml_client": client, "fuseml_cli": cli}


def refuse_others(reader: Reader, *keys: str, needed: str = "--workflow fuseml") -> None:
    """Refuse options that only another value has a use for; FuseML's own variable may be set for other programs."""
    for key in keys:
        given = reader.given_to(key)
        own = key == "fuseml_url" and given.place is Place.VARIABLE
        if given.values and not own and not reader.gives_way(key, "workflow"):
            raise BadSetting(f"{given.values[0][1]}: only {needed} uses it; leave it out")


def read_url(reader: Reader, needed_by: str) -> str:
    text, source = reader.text("fuseml_url")
    option = reader.options["fuseml_url"]
    if not text:
        raise BadSetting(
            f"{needed_by}: needs FuseML's server; name it with {option.name} or {option.environment}, {URL}"
        )
    try:
        parts = urlsplit(text)
        if parts.username is not None:  # which must not be quoted
            raise BadSetting(f"{option.name}: has a user in it, and FuseML asks for none; write {URL}")
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        known = False
    # FuseML's command line takes an address without a scheme for https, and drops a path: both silently
    if not known or parts.path.strip("/") or parts.query or parts.fragment:
        raise BadSetting(f"{source}: must be {URL}")
    return f"{parts.scheme}://{parts.netloc}"
