"""How pods reach what is outside of the cluster, read from the options: the proxy, what goes past it, authorities."""

import ipaddress
import re
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from acceptance.environment import is_loopback
from acceptance.errors import BadSetting
from acceptance.options.reader import Place, Reader
from acceptance.settings import Egress

PROXY = "--proxy"
NAME = re.compile(r"(\*?\.)?[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?(:[0-9]{1,5})?")
# a ConfigMap takes 1 MiB, and the public authorities are a quarter of that
MOST_BYTES = 1 << 19


def read_egress(reader: Reader) -> Egress:
    """Return it; raises BadSetting for what pods, or the client libraries in them, couldn't use."""
    proxy, exceptions = read_proxy(reader), read_exceptions(reader)
    if exceptions and not proxy:
        raise BadSetting(f"{reader.text('no_proxy')[1]}: only {PROXY} uses it; leave it out, or name a proxy")
    return Egress(proxy, exceptions, read_authorities(reader))


def read_proxy(reader: Reader) -> str:
    text, source = reader.text("proxy")
    if not text:
        return ""
    variable = reader.options["proxy"].environment
    if "@" in text:  # a password is not quoted, in whichever form it is written
        source = variable if reader.given_to("proxy").place is Place.VARIABLE else PROXY
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise BadSetting(f"{source}: {wanted()}") from None
    if parts.username is not None and source != variable:
        raise BadSetting(
            f"{source}: has a user or a password in it, which others see there; set {variable} to it instead"
        )
    if parts.username is not None and not (parts.username and parts.password):
        raise BadSetting(f"{source}: has a user without a password, or one without a user; give both, or neither")
    found = f"http://{parts.netloc}"
    # a path, a query or a fragment is no part of it
    whole = text.rstrip("/").lower() == found.lower() and text.isascii() and text.isprintable() and " " not in text
    if not (whole and parts.hostname and port):
        raise BadSetting(f"{source}: {wanted()}")
    if is_loopback(f"{parts.hostname}:"):
        raise BadSetting(f"{source}: is this machine's own, which pods can't reach; name an address that they reach")
    return found


def wanted() -> str:
    return (
        "must be http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT with all but letters and digits of both written "
        "as %XX; the client libraries in pods don't all speak TLS or SOCKS to a proxy"
    )


def read_exceptions(reader: Reader) -> tuple[str, ...]:
    """Return the hosts, domains and networks; `*.DOMAIN`, which some libraries don't know, becomes `.DOMAIN`."""
    text, source = reader.text("no_proxy")
    found = [one.strip().lower() for one in text.split(",") if one.strip()]
    if "*" in found:
        raise BadSetting(f"{source}: * excepts everything; leave it and {PROXY} out")
    for one in found:
        if not (NAME.fullmatch(one) or is_network(one)):
            raise BadSetting(
                f"{source}: {one} is no host, domain or network; write them with commas between, such as "
                "store.example.com,.corp.example,10.0.0.0/8"
            )
    return tuple(dict.fromkeys(one.removeprefix("*") for one in found))


def is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def read_authorities(reader: Reader) -> Path | None:
    path, source = reader.path("ca"), reader.text("ca")[1]
    if not path:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadSetting(
                f"{source}: more than {MOST_BYTES >> 10} KiB; leave out the public ones, which pods trust too"
            )
        if "PRIVATE KEY-----" in path.read_text(encoding="utf-8"):
            raise BadSetting(f"{source}: has a private key in it; name a file of certificates alone")
        context.load_verify_locations(cafile=path)
    except (OSError, UnicodeDecodeError) as error:  # ssl's are among them
        words = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        raise BadSetting(f"{source}: can't be read as certificates ({words}); name a PEM file") from None
    if not context.cert_store_stats()["x509"]:
        raise BadSetting(f"{source}: no certificate in it; name a PEM file")
    return path
