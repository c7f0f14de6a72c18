"""vegeta: its command lines, and the results that it wrote."""

import base64
import csv
import json
import shutil
import sys
from pathlib import Path

import numpy as np

from acceptance.errors import AcceptanceError
from acceptance.load.result import SAMPLED, LoadPlan, LoadResult

NANOSECONDS = 1e9
# vegeta ends by the clock: a last tick that comes a millisecond late is never sent. So it is asked for a little more
MORE_MILLISECONDS = 100
# what a load to a server that stands still comes to, on either side
MOST_CONNECTIONS = 512
# a large load's results, on a slow disk
ENCODE_SECONDS = 300


def find_vegeta(interpreter: str = sys.executable) -> Path:
    """Return the vegeta beside the interpreter, this one by default, or the one on the PATH."""
    beside = Path(interpreter).with_name("vegeta")
    found = str(beside) if beside.exists() else shutil.which("vegeta")
    if not found:
        raise AcceptanceError(f"vegeta: neither at {beside} nor on the PATH; `make setup` builds it")
    return Path(found)


def target(url: str, plan: LoadPlan) -> str:
    """Return the one target that vegeta sends again and again, in its JSON target format."""
    described = {
        "method": "POST",
        "url": url,
        "header": {name: [value] for name, value in plan.headers.items()},
        "body": base64.b64encode(plan.body).decode(),
    }
    return json.dumps(described) + "\n"


def attack_arguments(target: str | Path, results: str | Path, plan: LoadPlan) -> list[str]:
    """Return the arguments that send the plan, and a little more, and write each result; vegeta stops by itself."""
    return [
        "attack",
        "-format=json",
        f"-targets={target}",
        f"-rate={plan.rate}/s",
        f"-duration={plan.duration * 1000 + MORE_MILLISECONDS}ms",
        "-timeout=30s",
        f"-max-workers={MOST_CONNECTIONS}",
        f"-output={results}",
        *(["-keepalive=false"] if plan.new_connections else []),
    ]


def encode_arguments(results: str | Path, table: str | Path) -> list[str]:
    """Return the arguments that turn vegeta's binary results into CSV."""
    return ["encode", "-to=csv", f"-output={table}", str(results)]


def read_table(table: Path, plan: LoadPlan, incidents: tuple[str, ...] = ()) -> LoadResult:
    """Return the load's results from vegeta's CSV.

    Its columns: time, code, latency, bytes out and in, error, the answer's body in base64, ...

    What was sent beyond the plan's requests is left out.
    `incidents`: what happened to the server during the load.
    """
    sent, waited, codes, errors, bodies = [], [], [], [], []
    with table.open(newline="", encoding="utf-8", errors="replace") as stream:
        rows = csv.reader(stream)
        try:
            for row in rows:
                sent.append(np.int64(int(row[0])))
                codes.append(np.int64(int(row[1])))
                waited.append(np.int64(int(row[2])) / NANOSECONDS)
                errors.append(row[5])
                bodies.append(row[6])
        except (IndexError, ValueError, OverflowError, csv.Error) as error:
            raise AcceptanceError(
                f"{table} line {rows.line_num}: no result of vegeta ({error}); it was cut short"
            ) from error
    order = np.argsort(np.array(sent, dtype=np.int64), kind="stable")[: plan.requests]
    started = np.array(sent, dtype=np.int64)[order]
    return LoadResult(
        plan=plan,
        sent=(started - started[0]) / NANOSECONDS if len(started) else started.astype(float),
        waited=np.array(waited)[order],
        codes=np.array(codes, dtype=np.int64)[order],
        errors=[errors[index] for index in order],
        incidents=incidents,
        answers=tuple(text_of(bodies[index]) for index in order[::SAMPLED] if codes[index] == 200),
    )


def text_of(body: str) -> str:
    """Return an answer's body that vegeta encoded; what is no base64 becomes no answer, which nobody takes for one."""
    try:
        return base64.b64decode(body, validate=True).decode(errors="replace")
    except ValueError:
        return ""
