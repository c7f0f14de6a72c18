"""Secrets of every kind are replaced, what only looks like one stays, and no piece of a stream or file lets one by.

The secrets are put together here: none stands in this file.
"""

import base64
import io
import json
import os
import stat
import subprocess
import sys
import time
import tracemalloc

import pytest

from acceptance.paths import ROOT
from acceptance.processes.local import module_command
from acceptance.redaction import redactor as redact
from acceptance.redaction.patterns import MARK, is_secret_name
from acceptance.redaction.redactor import LONGEST_LINE, PIECE, RedactingWriter, Redactor, redact_folder

WORD = "hunter" + "2"
# Linux' own, less the zero at its end
LONGEST_PATH = 4095
OPAQUE = "Zx9" + "qLm4" * 9
JWT = ".".join("eyJ" + base64.urlsafe_b64encode(part * 9).decode().rstrip("=") for part in (b"head", b"body", b"sign"))
KEY = "".join("MIIEvQIBADANBgkqhkiG" + "9w0BAQ" * 7 + "\n" for _ in range(9))


def pem(kind: str, body: str = KEY) -> str:
    return f"-----BEGIN {kind}-----\n{body}-----END {kind}-----\n"


CERTIFICATE = pem("CERTIFICATE")
PRIVATE = "PRIVATE" + " KEY"

# what is there, with {} for the secret; the secret
SECRETS: dict[str, tuple[str, str | bytes]] = {
    "bearer header": ("GET /v2 HTTP/1.1\r\nAuthorization: Bearer {}\r\nAccept: */*", OPAQUE),
    "basic header": ("curl -H 'Authorization: Basic {}' https://example.com", base64.b64encode(b"me:" + b"x" * 9)),
    "header in a dict": ("{{'Accept': '*/*', 'authorization': 'Bearer {}'}}", OPAQUE),
    "digest header": ('Authorization: Digest username="me", response="{}"', OPAQUE),
    "bare bearer": ("sent bearer {} to the registry", OPAQUE),
    "cookie": ("Set-Cookie: session={}; HttpOnly", OPAQUE),
    "jwt": ("the account is {} as it seems", JWT),
    "github": ("cloning with {}", "ghp" + "_" + "a1B2" * 9),
    "github oauth": ("cloning with {}", "gho" + "_" + "a1B2" * 9),
    "github fine-grained": ("cloning with {}", "github" + "_pat_" + "a1B2" * 9 + "_" + "c3D4" * 9),
    "hugging face": ("pulling with {}", "hf" + "_" + "a1B2" * 9),
    "slack": ("posting with {}", "xox" + "b-" + "12345678-" + "a1B2" * 6),
    "gitlab": ("cloning with {}", "glpat" + "-" + "a1B2" * 5),
    "ngc": ("pulling with {}", "nvapi" + "-" + "a1B2" * 16),
    "aws id": ("user {} may not", "AKIA" + "A1B2" * 4),
    "aws session id": ("user {} may not", "ASIA" + "A1B2" * 4),
    "aws file": ("[default]\naws_secret_access_key = {}\nregion = eu", "aB3/" * 9 + "+x=="),
    "aws variable": ("export AWS_SECRET_ACCESS_KEY={}", "aB3/" * 10),
    "minio id": ("MINIO_ACCESS_KEY_ID={} used", "minio" + "admin"),
    "variable": ("env: HF_TOKEN={} HOME=/root", OPAQUE),
    "numbered variable": ("DB_PASSWORD_2={}", WORD),
    "assignment": ("user=me password={} host=db", WORD),
    "password with punctuation": ("user=me password={} host=db", "a,b;c&d)e<f%"),
    "connection string": ("Server=db;Password={};Database=x", WORD),
    "password with spaces": ("  password: {}\n", "correct horse " + WORD),
    "yaml token": ("- name: me\n  user:\n    token: {}\n", OPAQUE),
    "yaml key data": ("    client-key-data: {}\n    x: y", base64.b64encode(pem(PRIVATE).encode())),
    "yaml certificate data": ("    client-certificate-data: {}\n", base64.b64encode(CERTIFICATE.encode())),
    "yaml authority data": ("    certificate-authority-data: {}\n", base64.b64encode(CERTIFICATE.encode())),
    "json token": ('{{"name": "me", "token": "{}", "x": 1}}', OPAQUE),
    "json key data": ('{{"client-key-data":"{}"}}', base64.b64encode(pem(PRIVATE).encode())),
    "json password with quotes": ('{{"password": "{}"}}', 'a\\"b' + WORD),
    "json in json": ('{{"body": "{{\\"token\\": \\"{}\\", \\"x\\": 1}}"}}', OPAQUE),
    "keyword argument": ("Client(host='x', token='{}', retries=3)", OPAQUE),
    "bytes": ("api_key=b'{}'", OPAQUE),
    "docker login": ('{{"auths": {{"r.example.com": {{"auth": "{}"}}}}}}', base64.b64encode(b"me:" + b"x" * 9)),
    "pull secret": ("  .dockerconfigjson: {}\n", base64.b64encode(b'{"auths":{}}' * 3)),
    "flag": ("vault login --token {} --quiet", OPAQUE),
    "flag in a list": ("['mc', '--secret-key', '{}']", WORD),
    "container's variable in yaml": ("  - name: DB_PASSWORD\n    value: {}\n  - name: X\n", "correct horse " + WORD),
    "container's variable in json": ('[{{"name":"HF_TOKEN","value":"{}"}},{{"name":"X","value":"y"}}]', OPAQUE),
    "url": ("connecting to postgresql://me:{}@db:5432/mlflow", WORD),
    "url, an @ in the password": ("proxy http://me:{}@proxy:3128", "p@ss" + WORD),
    "url with a token": ("cloning https://{}@git.example.com/x", OPAQUE),
    "signature": ("GET https://b.example.com/o?X-Amz-Date=1&X-Amz-Signature={}&x=1", OPAQUE),
    "credential": ("GET https://b.example.com/o?X-Amz-Credential={}&x=1", "A1B2/2026/eu"),
    "security token": ("GET https://b.example.com/o?X-Amz-Security-Token={}&x=1", OPAQUE),
    "shared access": ("GET https://b.example.com/o?sv=1&sig={}&x=1", "a%2Bb" + WORD),
    "access token": ("GET https://example.com/o?access_token={}&x=1", WORD),
    "escaped query": ("<a href='/o?token={}&amp;x=1'>", WORD),
    "html": ("<td>token={}</td>", WORD),
    "private key": ("the key:\n{}that was it\n", pem("RSA " + PRIVATE)),
    "private key, escaped": ('{{"private": "{}"}}', pem(PRIVATE).replace("\n", "\\n")),
    "private key, cut off": ("-----BEGIN " + PRIVATE + "-----\n{}\nand then more\n", KEY),
    "private key's end": ("{}-----END " + PRIVATE + "-----\n", KEY),
    "private key in base64": ("data: {}\n", base64.b64encode(pem("EC " + PRIVATE).encode())),
}

# where only the lines together say that it is one: a stream has them one by one
OF_SEVERAL_LINES = ("container's variable in yaml", "private key's end")

HARMLESS = [
    "tokens: 12",
    "token: 12",
    "max_tokens=4096, 600 tokens/s",
    'secret "foo" not found',
    'MountVolume.SetUp failed for volume "certs" : secret "foo" not found',
    "couldn't find key password in Secret default/foo",
    "getting secret: not found",
    "invalid token: expired",
    "token expired",
    "SyntaxError: unexpected token: end of input",
    "open /var/run/secrets/kubernetes.io/serviceaccount/token: no such file or directory",
    "- serviceAccountToken:\n    expirationSeconds: 3607\n    path: token\n",
    '"automountServiceAccountToken": false, "x": 1',
    "automountServiceAccountToken: false",
    "automountServiceAccountToken: false\\n    containers:\\n",
    "imagePullSecrets: []",
    "tokenExpirationSeconds: 3607",
    "TOKEN_EXPIRATION_SECONDS=3607",
    "secretName: regcred",
    '"volumes":[{"secret":{"secretName":"regcred"}}]',
    "TOKEN:  <set to the key 'token' in secret 'regcred'>  Optional: false",
    "password: ${DB_PASSWORD}",
    "password: null",
    'token: ""',
    "token=None",
    "def connect(token: str) -> Client:",
    "use --token to give one, or --password-file",
    "TOKENIZERS_PARALLELISM=false",
    "PWD=/work OLDPWD=/",
    "SSH_AUTH_SOCK=/tmp/ssh/agent",
    "AWS_WEB_IDENTITY_TOKEN_FILE=/var/run/secrets/aws/token",
    "the run 0af7651916cd43dd8448eb211c80319c",
    "data_digest c32a1d4ab5d03f1284b67883e8d87530",
    "imageID: docker-pullable://nginx:1.25@sha256:" + "0af76519" * 8,
    "nvcr.io/nvidia/tritonserver:24.10-py3@sha256:" + "0af76519" * 8,
    'WWW-Authenticate: Bearer realm="https://auth.example.com/token",service="registry"',
    "cloning ssh://git@github.com/fuseml/examples",
    "http://127.0.0.1:5000/api/2.0/mlflow/runs/search",
    "sqlite:////tmp/run/mlflow.db and s3://bucket/path",
    "epoch 1/2: loss 1.2345 - accuracy 0.5678",
    "public-key: none; keyboard=us; monkey: 1",
    f"look for -----BEGIN {PRIVATE}----- in it",
    CERTIFICATE,
    base64.b64encode(bytes(range(256)) * 40).decode(),
    "LS0tLS1CRUdJTi" + base64.b64encode(CERTIFICATE.encode()).decode()[14:],
]


def filled(kind: str) -> tuple[str, str]:
    """Return a text that has the secret, and the secret."""
    template, secret = SECRETS[kind]
    secret = secret if isinstance(secret, str) else secret.decode()
    return template.format(secret), secret


@pytest.fixture
def redactor():
    return Redactor()


# --- text


@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_is_replaced_and_the_words_around_it_stay(redactor, kind):
    text, secret = filled(kind)
    shown = redactor.text(text)
    assert not leaked(shown, secret)
    assert MARK in shown
    assert shown[:4] == text[:4] or kind == "private key's end"
    assert redactor.text(shown) == shown


def leaked(shown: str, secret: str) -> bool:
    """Say whether a part of the secret is left: one of its lines, or half of them."""
    lines = [line for line in secret.replace("\\n", "\n").splitlines() if line and not line.startswith("-----")]
    return any(line in shown or line[len(line) // 2 :] in shown for line in lines)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_a_secret_stays(redactor, text):
    assert redactor.text(text) == text
    assert redactor.text(f"2026-11-23 {text} (again)\n") == f"2026-11-23 {text} (again)\n"


def test_the_name_and_what_follows_stay_readable(redactor):
    text = f"user=me password={WORD} host=db\nGET /o?access_token={WORD}&x=1\n"
    assert redactor.text(text) == f"user=me password={MARK} host=db\nGET /o?access_token={MARK}&x=1\n"
    assert redactor.text('{"token": "' + WORD + '", "x": 1}') == '{"token": "' + MARK + '", "x": 1}'


def test_variables_and_fields_named_like_secrets_are_hidden_in_what_yaml_holds(redactor):
    variables = [{"name": "DB_PASSWORD", "value": "two\nlines"}, {"name": "HOME", "value": "/root"}]
    hidden = redactor.tree({"spec": {"env": variables, "automountServiceAccountToken": False}, "token": WORD})
    shown = [{"name": "DB_PASSWORD", "value": MARK}, variables[1]]
    assert hidden == {"spec": {"env": shown, "automountServiceAccountToken": False}, "token": MARK}


@pytest.mark.alone  # it measures: beside other tests a processor takes half as long again
@pytest.mark.parametrize(
    "piece",
    [
        *("a", ":", "=", "-", '"', "\\", " ", "\n", ",", "&", "A_", "://", "a@", "://a:", "://a:b"),
        *("eyJ", "eyJ.", "eyJ-", "token", "token:", "token ", 'token="', 'token:\\"', "password = ", "&token=a"),
        *("--a-", "--token ", "name: token value: ", "authorization: ", "bearer ", "cookie: ", "ghp_", "xoxb-"),
        *(f"-----BEGIN {PRIVATE}-----", f"-----BEGIN {PRIVATE}-----\n", "a" * 64 + "\n", "a" * 16 + " "),
    ],
)
def test_a_megabyte_of_anything_takes_about_a_second(redactor, piece):
    text = piece * ((1 << 20) // len(piece)) + f" token password -- eyj {PRIVATE}-----"
    began = time.process_time()
    redactor.text(text)
    assert time.process_time() - began < 2


# --- exact values


def test_values_of_the_environment_are_replaced_wherever_they_stand():
    value, password = "plain" + "words" * 2, "p/w?" + "d" * 8
    environment = {
        "MY_TOKEN": value,
        "HTTPS_PROXY": f"http://me:{password.replace('/', '%2F')}@proxy:3128",
        "LANG": "C.UTF-8-is-no-secret",
        "SHORT_TOKEN": "abc",
    }
    encoded = base64.b64encode(value.encode()).decode()
    shown = Redactor.from_environment(environment).text(f"{value} {encoded} {password} C.UTF-8-is-no-secret abc")
    assert shown == f"{MARK} {MARK} {MARK} C.UTF-8-is-no-secret abc"


def test_a_value_is_known_in_urls_json_and_html():
    redactor = Redactor(['a&b"c/d' + WORD])
    for written in ("a%26b%22c%2Fd" + WORD, 'a&b\\"c/d' + WORD, "a&amp;b&quot;c/d" + WORD):
        assert redactor.text(f"<{written}>") == f"<{MARK}>"


def test_each_line_of_a_value_is_known_by_itself():
    redactor = Redactor.from_environment({"SIGNING_KEY": pem("DATA")})
    assert redactor.text(KEY.splitlines()[0]) == MARK
    assert redactor.text("-----BEGIN DATA-----") == "-----BEGIN DATA-----"


def test_a_place_where_a_secret_is_kept_is_none(tmp_path):
    redactor = Redactor.from_environment({"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path), "TOKEN_FILE": "/run/token"})
    assert redactor.text(f"reading {tmp_path} and /run/token") == f"reading {tmp_path} and /run/token"


def test_a_value_that_is_no_utf_8_is_known(redactor):
    redactor.add("caf\udce9" + WORD)
    assert redactor.data(b"<caf\xe9" + WORD.encode() + b">") == f"<{MARK}>".encode()


def test_a_value_that_is_the_mark_itself_changes_nothing():
    assert Redactor([MARK, "redacted"]).text(f"token={MARK}") == f"token={MARK}"


NAMES = """HF_TOKEN GITHUB_PAT PGPASSWORD DB_PASS MYSQL_PWD AWS_SECRET_ACCESS_KEY AWS_ACCESS_KEY_ID OPENAI_API_KEY
    APIKEY MLFLOW_TRACKING_PASSWORD REGISTRY_CREDENTIALS SSH_PRIVATE_KEY DOCKER_AUTH_CONFIG ci_job_token TOKEN2"""
OTHER_NAMES = """PATH PWD OLDPWD HOME LANG GPG_KEY TOKENIZERS_PARALLELISM HTTPS_PROXY no_proxy PIP_INDEX_URL
    SSL_CERT_FILE REQUESTS_CA_BUNDLE SSH_AUTH_SOCK AWS_WEB_IDENTITY_TOKEN_FILE GIT_AUTHOR_NAME XAUTHORITY
    LD_LIBRARY_PATH CUDA_VISIBLE_DEVICES KUBECONFIG KEYBOARD secretName"""


@pytest.mark.parametrize("name", NAMES.split())
def test_a_variable_named_like_a_secret_is_one(name):
    assert is_secret_name(name)


@pytest.mark.parametrize("name", OTHER_NAMES.split())
def test_other_variables_are_no_secrets(name):
    assert not is_secret_name(name)


# --- streams


def streamed(redactor: Redactor, pieces: list[bytes]) -> bytes:
    out = io.BytesIO()
    with RedactingWriter(out, redactor) as writer:
        for piece in pieces:
            writer.write(piece)
    return out.getvalue()


@pytest.mark.parametrize("kind", [kind for kind in SECRETS if kind not in OF_SEVERAL_LINES])
def test_a_stream_may_be_cut_anywhere(redactor, kind):
    text = f"first\n{filled(kind)[0]}\nlast\n"
    data, shown = text.encode(), redactor.text(text).encode()
    for place in range(len(data)):
        assert streamed(redactor, [data[:place], data[place:]]) == shown
    assert streamed(redactor, [data[place : place + 7] for place in range(0, len(data), 7)]) == shown


def test_a_whole_line_is_written_at_once(redactor):
    out = io.BytesIO()
    writer = RedactingWriter(out, redactor)
    writer.write(b"epoch 1/2\nepo")
    assert out.getvalue() == b"epoch 1/2\n"
    writer.write(b"ch 2/2\r")
    assert out.getvalue() == b"epoch 1/2\nepoch 2/2\r"


@pytest.mark.parametrize("between", [b" ", b",", b"x"])
def test_a_line_without_end_is_written_in_bounds_and_no_secret_is_cut(redactor, between):
    line = b"".join(
        between * (997 * number) + f' "token": "{OPAQUE}{number}" Authorization: Bearer {OPAQUE} '.encode()
        for number in range(40)
    )
    out = io.BytesIO()
    with RedactingWriter(out, redactor) as writer:
        for place in range(0, len(line), PIECE):
            writer.write(line[place : place + PIECE])
            assert len(writer.cutter.held) <= LONGEST_LINE
    assert out.getvalue() == redactor.data(line)
    assert OPAQUE.encode() not in out.getvalue()


def test_a_key_that_never_ends_holds_nothing_back_for_ever(redactor):
    begin = f"-----BEGIN {PRIVATE}-----\n".encode()
    shown = streamed(redactor, [begin, *[b"and then prose\n"] * 9000])
    assert shown == begin + b"and then prose\n" * 9000


# --- files


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(b"first \xff\xfe\ntoken=" + OPAQUE.encode() + b"\nlast without end")
    return path


def test_a_file_is_rewritten_with_its_mode_and_its_odd_bytes(redactor, log):
    log.chmod(0o640)
    assert redactor.file(log)
    assert log.read_bytes() == b"first \xff\xfe\ntoken=" + MARK.encode() + b"\nlast without end"
    assert stat.S_IMODE(log.stat().st_mode) == 0o640
    assert list(log.parent.iterdir()) == [log]


def test_a_clean_file_is_not_touched(redactor, log):
    redactor.file(log)
    before = log.stat()
    assert not redactor.file(log)
    assert (log.stat().st_ino, log.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_links_and_other_things_than_files_are_left_alone(redactor, log, tmp_path):
    (tmp_path / "link").symlink_to(log)
    os.mkfifo(tmp_path / "pipe")
    assert not redactor.file(tmp_path / "link")
    assert not redactor.file(tmp_path / "pipe")
    assert OPAQUE in log.read_text(errors="replace")


def test_a_key_across_the_pieces_of_a_large_file_is_found(redactor, tmp_path):
    path, lines = tmp_path / "a.log", "nothing here\n" * (PIECE // 13 - 3)
    path.write_text(lines + pem("RSA " + PRIVATE) + lines + pem("EC " + PRIVATE) + CERTIFICATE)
    assert redactor.file(path)
    assert path.read_text().count(MARK) == 2
    assert path.read_text().endswith(CERTIFICATE)
    assert KEY.splitlines()[0] not in path.read_text().removesuffix(CERTIFICATE)


def test_a_large_file_needs_little_memory(redactor, tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(b"epoch 1/2\n" * 500_000 + b"token=" + OPAQUE.encode() + b"\n")
    tracemalloc.start()
    assert redactor.file(path)
    assert tracemalloc.get_traced_memory()[1] < 3 << 20
    tracemalloc.stop()
    assert path.stat().st_size == 5_000_000 + len("token=\n") + len(MARK)


def test_a_folder_is_redacted_to_its_depth_and_what_is_outside_is_not(redactor, log, tmp_path):
    inside = tmp_path / "report" / "logs"
    inside.mkdir(parents=True)
    (inside / "b.log").write_bytes(log.read_bytes())
    (inside / "link").symlink_to(tmp_path)
    (inside / "dangling").symlink_to(tmp_path / "none")
    assert redact_folder(tmp_path / "report", redactor) == []
    assert OPAQUE not in (inside / "b.log").read_text(errors="replace")
    assert OPAQUE in log.read_text(errors="replace")
    assert redact_folder(tmp_path / "none", redactor) == []


@pytest.mark.parametrize("lines", [1, 1 << 16])
def test_a_disk_that_fills_up_leaves_the_file_as_it_was_and_nothing_beside_it(log, tmp_path, lines):
    """A limit on files stands for the disk: of one line it strikes at the file's end, of many before."""
    log.write_text(f"token={OPAQUE}\n" * lines)
    (tmp_path / "clean.log").write_text("nothing here\n")
    was = log.read_bytes()
    limited = "import resource, runpy\nresource.setrlimit(resource.RLIMIT_FSIZE, (9, 9))\n"
    program = f"{limited}runpy.run_module({redact.__name__!r}, run_name='__main__', alter_sys=True)"
    command = [sys.executable, "-c", program, str(tmp_path)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, input="[]")
    assert answer.returncode == 1, answer.stderr
    (line,) = answer.stderr.splitlines()
    assert line.startswith(f"{log}: ")
    assert log.read_bytes() == was
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.log", "clean.log"]


def test_a_file_beside_which_none_can_be_made_stays_as_it_was_and_is_named(redactor, log, tmp_path):
    deep = tmp_path
    while (room := LONGEST_PATH - len(bytes(deep)) - len("/a.log")) > 1:
        deep = deep / ("x" * min(room - 1, 200))
        deep.mkdir()
    moved = log.rename(deep / "a.log")
    was = moved.read_bytes()
    assert redact_folder(tmp_path, redactor) == [moved]
    assert moved.read_bytes() == was


def test_the_guardians_command_redacts_a_folder_with_what_the_run_knew(log):
    value = "plain" + "words" * 3
    log.write_text(f"{value}\ntoken={OPAQUE}\n")
    command = module_command(redact.__name__, str(log.parent))
    answer = subprocess.run(command, input=json.dumps([value]), text=True, check=False, timeout=60)
    assert answer.returncode == 0
    assert log.read_text() == f"{MARK}\ntoken={MARK}\n"
