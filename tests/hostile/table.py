"""The machines that are not like ours: what each is, and what a run there says before it starts, or passes.

docs/hostile.md has the same rows; a test compares the two.
"""

from dataclasses import dataclass

from tests.hostile.machines import (
    MakeMachine,
    checked_out_as,
    hiding_gpus,
    in_group,
    limited,
    mounted,
    outside_tmp,
    told,
    with_keras_settings,
    without_account,
    without_network,
)


@dataclass(frozen=True)
class Row:
    """One machine, and what comes of a run on it: either problems with exit code 4, or scenarios that pass or skip.

    `problems` are words of each line of the list, in its order. `scenarios` is for `-k`: the fewest that show it.
    """

    what: str
    comes_of_it: str
    machine: MakeMachine
    problems: tuple[tuple[str, ...], ...] = ()
    scenarios: str = ""
    passed: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()

    @property
    def fast(self) -> bool:
        """Whether nothing starts: then it is among the tests of `make test` too."""
        return bool(self.problems)


DEER = "the_deer_lands_at_index_4"
SAME = ("json_and_binary_http_give_the_same_logits", "grpc_gives_the_same_logits")
SEES = "triton_sees_the_gpu"
NOBODY = "http://127.0.0.1:9"
SHM = "/dev/shm"  # noqa: S108
NOEXEC = "mount -t tmpfs -o noexec,size=3g tmpfs {temporary}"
SMALL_SHM = f"mount -t tmpfs -o size=1m tmpfs {SHM}"
# the test's own folder keeps its options
TMP = "mount --bind {{folder}} {{folder}}; mount --rbind /tmp /tmp; mount -o remount,bind,{option} /tmp"

ROWS = (
    Row(
        "`TMPDIR` on a file system with `noexec`",
        "exit code 4: Triton can't be run from there",
        mounted(NOEXEC),
        problems=(("TMPDIR=", "noexec", "remount,exec"),),
    ),
    Row(
        "`/tmp` read-only, and another `TMPDIR`",
        "exit code 4: Triton's Python backend makes a folder in `/tmp`",
        mounted(TMP.format(option="ro")),
        problems=(("/tmp: no folder can be made", "Read-only file system", "Python backend"),),  # noqa: S108
    ),
    Row(
        "1 MiB of `/dev/shm`",
        "exit code 4: Triton needs more",
        mounted(SMALL_SHM),
        problems=((SHM, "No space left", "--shm-size"),),
    ),
    Row(
        "`/dev/shm` read-only",
        "exit code 4: Triton writes there",
        mounted(f"mount -t tmpfs -o ro tmpfs {SHM}"),
        problems=((SHM, "Read-only file system"),),
    ),
    Row(
        "at most 256 open files",
        "exit code 4: a load opens more",
        limited("--nofile=256:256"),
        problems=(("`ulimit -Hn` is 256",),),
    ),
    Row(
        "at most 4 GiB of address space",
        "exit code 4: the trainer maps more",
        limited("--as=4294967296:4294967296"),
        problems=(("`ulimit -Hv` is 4194304",),),
    ),
    Row(
        "files of at most 100 MiB",
        "exit code 4: the archive of CIFAR-10 is larger",
        limited("--fsize=104857600:104857600"),
        problems=(("`ulimit -Hf` is 102400",),),
    ),
    Row(
        "a control group with 512 MiB of memory",
        "exit code 4: a run takes more",
        in_group("memory", "memory.max", "memory.limit_in_bytes", 512 << 20),
        problems=(("/sys/fs/cgroup", "of memory free", "--memory"),),
    ),
    Row(
        "a control group with 100 threads",
        "exit code 4: a run starts more",
        in_group("pids", "pids.max", "pids.max", 100),
        problems=(("threads that a run needs", "--pids-limit"),),
    ),
    Row(
        "the loopback device down",
        "exit code 4: servers can't be reached",
        without_network,
        problems=(("127.0.0.1", "ip link set lo up"),),
    ),
    Row(
        "`noexec`, 1 MiB of `/dev/shm` and 256 open files at once",
        "exit code 4: all three in one list",
        mounted(NOEXEC, SMALL_SHM, "ulimit -n 256"),
        problems=(("TMPDIR=", "noexec"), (SHM,), ("`ulimit -Hn` is 256",)),
    ),
    Row(
        "at most 40 open files by the soft limit alone",
        "passes: the suite raises it",
        limited("--nofile=40:4096"),
        scenarios=DEER,
        passed=(DEER,),
    ),
    Row(
        "`/tmp` with `noexec`, and another `TMPDIR`",
        "passes: nothing is run from `/tmp`",
        outside_tmp(mounted(TMP.format(option="noexec"))),
        scenarios=DEER,
        passed=(DEER,),
    ),
    Row(
        "Keras told to use JAX, float16 and channels first, by variable and by `keras.json`",
        "passes: the trainer has a home of the run's own",
        with_keras_settings,
        scenarios=DEER,
        passed=(DEER,),
    ),
    Row(
        "`PYTHONSAFEPATH`, `PYTHONWARNINGS=error`, `PYTHONIOENCODING=ascii`, a `PYTHONPATH` and the locale C",
        "passes: what runs gets none of them",
        told(PYTHONSAFEPATH="1", PYTHONWARNINGS="error", PYTHONIOENCODING="ascii", PYTHONPATH="/nowhere", LC_ALL="C"),
        scenarios=DEER,
        passed=(DEER,),
    ),
    Row(
        "`PYTHONOPTIMIZE=1`",
        "exit code 4: Python would leave the checks out",
        told(PYTHONOPTIMIZE="1"),
        problems=(("PYTHONOPTIMIZE", "unset it"),),
    ),
    Row(
        "`PYTEST_DISABLE_PLUGIN_AUTOLOAD=1`",
        "exit code 4: the suite builds on pytest-bdd and pytest-html",
        told(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
        problems=(("pytest-bdd", "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "unset it"),),
    ),
    Row(
        "`UVICORN_SSL_KEYFILE`, `UVICORN_SSL_CERTFILE`, and MLflow's variables of another server",
        "passes: MLflow gets none of them",
        told(UVICORN_SSL_KEYFILE="/nowhere/key", UVICORN_SSL_CERTFILE="/nowhere/crt", MLFLOW_STATIC_PREFIX="/mlflow"),
        scenarios=DEER,
        passed=(DEER,),
    ),
    Row(
        "a proxy for HTTP and one for gRPC that nobody answers",
        "passes: what is on 127.0.0.1 is asked without a proxy",
        told(HTTP_PROXY=NOBODY, http_proxy=NOBODY, ALL_PROXY=NOBODY, grpc_proxy=NOBODY, no_grpc_proxy="example.com"),
        scenarios=" or ".join(SAME),
        passed=SAME,
    ),
    Row(
        "a checkout in a folder named `it's über (1)`",
        "passes: no path is taken for ASCII or split",
        checked_out_as("it's über (1)"),
        scenarios=DEER,
        passed=(DEER,),
    ),
    Row(
        "an account without an entry in the passwd file, and no `HOME`",
        "passes: the user's number will do, and what runs has a home of the run's own",
        without_account,
        scenarios=DEER,
        passed=(DEER,),
    ),
    Row(
        "a GPU, and `CUDA_VISIBLE_DEVICES=-1`",
        "passes on the CPU, skips the GPU and says why",
        hiding_gpus,
        scenarios=f"{DEER} or {SEES}",
        passed=(DEER,),
        skipped=((SEES, "CUDA_VISIBLE_DEVICES=-1 hides"),),
    ),
)
