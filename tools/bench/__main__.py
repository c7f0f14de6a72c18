"""Run the measurements, print a table, write bench.json.

`python -m tools.bench [--cifar10 DIR] [--only WORD] [--long] [--out FILE]`; each ratio is taken in one run.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

from acceptance.data import source
from acceptance.errors import BadSetting
from tools.bench import cluster, kserve, serving, suite, training
from tools.bench.rows import Row


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools.bench", description=__doc__)
    parser.add_argument("--cifar10", type=batches, default=os.environ.get("CIFAR10_DIR"), help="the folder of batches")
    parser.add_argument("--only", default="", help="only measurements whose name has this word")
    parser.add_argument("--long", action="store_true", help="also what takes long: 50 minutes")
    parser.add_argument("--out", type=Path, default=Path("bench.json"))
    parser.add_argument("--cluster", default="", help="options of a run on one: --target=existing ...")
    arguments = parser.parse_args()
    data = arguments.cifar10
    measurements = {
        "collect": lambda folder: suite.collect_only(),
        "stand-in": lambda folder: suite.acceptance(folder, None),
        "cifar10": lambda folder: suite.acceptance(folder, data),
        "trainer": lambda folder: training.trainer_against_keras(folder, data),
        "serving": lambda folder: serving.triton_against_peers(folder),
        "latency": lambda folder: serving.quick_against_six(folder),
    }
    if arguments.cluster:
        options = [*arguments.cluster.split(), "--profile=quick", "--data=digits"]
        measurements["cluster"] = lambda folder: cluster.own_time(folder, options)
        measurements["kubectl"] = lambda folder: cluster.against_kubectl(folder, options)
        if "--predictor=kserve" in options:
            measurements["kserve"] = lambda folder: kserve.against_deployment(folder, options)
    if arguments.long:
        measurements["time to 70"] = lambda folder: training.time_to_70(folder, data)
        measurements["beyond"] = lambda folder: training.beyond_curve(folder, data)
    rows: list[Row] = []
    for name, measure in measurements.items():
        if arguments.only not in name:
            continue
        if name in ("cifar10", "trainer", "time to 70", "beyond") and not data:
            print(f"{name}: left out, it needs --cifar10")
            continue
        with tempfile.TemporaryDirectory(prefix="triton-acceptance-bench-") as folder:
            for row in measure(Path(folder)):
                rows.append(row)
                print(row, flush=True)
                write(rows, arguments.out)
    print(
        f"written to {arguments.out}" if rows else f"nothing measured: no name has {arguments.only!r}, or no --cifar10"
    )
    return 0 if rows and all(row.reached for row in rows) else 1


def batches(path: str) -> Path:
    """Return the folder that the suite would read; argparse says what is wrong with another."""
    try:
        folder = source.check(Path(path).expanduser().absolute()).folder
    except BadSetting as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if not folder:
        raise argparse.ArgumentTypeError(f"{path}: an archive; unpack it, and name the folder")
    return folder


def write(rows: list[Row], out: Path) -> None:
    machine = (
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    content = {"machine": machine, "command": " ".join(sys.argv), "rows": [row.as_dict() for row in rows]}
    out.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
