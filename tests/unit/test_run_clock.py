"""A clock of another process: it stands still while that one waits for a core."""

import os
import subprocess
import sys
import time
from pathlib import Path

from acceptance.waiting import Ready, wait_until
from tests.running import RunClock

SPINS = "while True: pass"


def ran(pid):
    """Return the seconds that the process has had a core for."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def test_it_leaves_out_what_a_process_waits_for_a_core():
    spinning = [subprocess.Popen([sys.executable, "-c", SPINS]) for _ in range(2)]
    one = spinning[0].pid
    try:
        for process in spinning:
            os.sched_setaffinity(process.pid, {min(os.sched_getaffinity(0))})
        clock, before, began = RunClock(one), ran(one), time.monotonic()
        wait_until("it to run", lambda: Ready(None) if ran(one) - before >= 0.5 else "not yet", 60, poll=0.01)
        # it never sleeps, and shares its core
        assert abs(clock.seconds() - (ran(one) - before)) < 0.2
        assert time.monotonic() - began > clock.seconds()
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def test_a_process_that_sleeps_waits_for_none():
    with subprocess.Popen(["sleep", "60"]) as asleep:
        clock, began = RunClock(asleep.pid), time.monotonic()
        wait_until("half a second", lambda: Ready(None) if time.monotonic() - began >= 0.5 else "not yet", 60)
        assert clock.seconds() > 0.4
        asleep.kill()
