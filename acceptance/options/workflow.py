"""What runs workflows, and how it is asked, read from the options."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from acceptance.errors import BadSetting
from acceptance.options.reader import Place, Reader

DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
URL = "http://HOST:PORT or https://HOST, without a path"


def read_workflow(reader: Reader, target: str, with_pods: Sequence[str]) -> dict[str, Any]:
    """Return the settings; raises BadSetting for what has no use, and for what the workflow lacks."""
    workflow = reader.one_of("workflow", "mlflow")
    _, source = reader.text("workflow")
    if workflow != "mlflow" and not reader.only_for("workflow", target, *with_pods):
        workflow = "mlflow"
    if workflow == "mlflow":
        refuse_others(reader, "fuseml_url", "fuseml_client", "fuseml_cli", "fuseml_install")
        return {}
    client = reader.one_of("fuseml_client", "rest")
    if client != "cli":
        refuse_others(reader, "fuseml_cli", needed="--fuseml-client cli")
    if not reader.text("mlflow")[0]:
        raise BadSetting(
            f"{source}: its trainer tracks on the MLflow of FuseML's extension; name that as it is reached from here, "
            "--mlflow URI"
        )
    domain = read_domain(reader)
    url = read_url(reader, source, f"http://fuseml-core.{domain}" if domain else "")
    cli = reader.path("fuseml_cli") if client == "cli" else None
    fuseml = {"fuseml_url": url, "fuseml_client": client, "fuseml_cli": cli, "fuseml_install": domain}
    return {"workflow": workflow, **fuseml}


def refuse_others(reader: Reader, *keys: str, needed: str = "--workflow fuseml") -> None:
    """Refuse options that only another value has a use for; FuseML's own variable may be set for other programs."""
    for key in keys:
        given = reader.given_to(key)
        own = key == "fuseml_url" and given.place is Place.VARIABLE
        if given.values and not own and not reader.gives_way(key, "workflow"):
            raise BadSetting(f"{given.values[0][1]}: only {needed} uses it; leave it out")


def read_domain(reader: Reader) -> str:
    domain, source = reader.text("fuseml_install")
    if domain and not DOMAIN.fullmatch(domain):
        raise BadSetting(f"{source}: must be a domain in small letters, such as 192.0.2.7.nip.io")
    return domain


def read_url(reader: Reader, needed_by: str, installed: str) -> str:
    """Return FuseML's address; `installed`: where an installer puts it, "" where none is called."""
    text, source = reader.text("fuseml_url")
    if not text and installed:
        return installed
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
