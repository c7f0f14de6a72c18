"""What kind's clusters and k3d's have in common: made for a run or reused, loaded with images, removed."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from acceptance.clusters import cleanup, host
from acceptance.clusters.provider import Access
from acceptance.environment import Kind
from acceptance.errors import AcceptanceError, BadSetting, Problem, ProcessDied, problem_of
from acceptance.files import write_whole
from acceptance.gpu import nvidia_smi
from acceptance.gpu.nvidia_smi import Gpu
from acceptance.images import Images, only_here, read_images
from acceptance.processes.local import Process, Processes, module_command
from acceptance.redaction.plain import plain
from acceptance.settings import Settings
from acceptance.waiting import Ready, wait_until

CREATE_SECONDS = 900
# many GB, out of Docker and into each node
LOAD_SECONDS = 1800


class LocalCluster:
    """A cluster of containers on this machine's Docker, made and loaded by a program."""

    program: ClassVar[str]
    least: ClassVar[str]
    install: ClassVar[str]

    def __init__(
        self, settings: Settings, images: Images, directory: Path, processes: Processes, say: Callable[[str], None]
    ) -> None:
        self.settings, self.images, self.directory = settings, images, directory
        self.processes, self.say = processes, say
        self.own = not settings.cluster
        self.has_gpu = False
        self.loaded: list[str] = []
        self.name = settings.cluster or f"triton-acceptance-{secrets.token_hex(3)}"
        self.kubeconfig = directory / "kubeconfig"

    # --- what each program has its own way for

    @classmethod
    def clusters(cls) -> list[str]:
        """Return the names of the clusters that there are."""
        raise NotImplementedError

    @classmethod
    def find_gpu(cls) -> Gpu | Problem:
        """Return the GPU that a new cluster can have, or why it has none."""
        raise NotImplementedError

    @classmethod
    def new_cluster_problems(cls, settings: Settings, images: Images, gpu: Gpu | None) -> list[Problem]:
        """Return what keeps a new cluster, with the GPU if there is one, from being made."""
        raise NotImplementedError

    def create(self, gpu: Gpu | None) -> None:
        """Make the cluster."""
        raise NotImplementedError

    def kubeconfig_command(self) -> list[str]:
        """Return the command that prints the kubeconfig of the cluster."""
        raise NotImplementedError

    def load_command(self, images: Sequence[str]) -> list[str | Path]:
        """Return the command that puts images of this machine's Docker into the nodes."""
        raise NotImplementedError

    # --- the same for both

    @classmethod
    def problems(cls, settings: Settings) -> list[Problem]:
        found, info = [], {}
        try:
            info = host.docker_info()
        except BadSetting as error:
            found.append(error.problem)
        if problem := problem_of(cls.version):
            found.append(problem)
        if found:
            return found  # nothing else can be asked
        if settings.cluster:
            return cls.reuse_problems(settings)
        images, gpu = read_images(settings.images, settings.registry), cls.find_gpu()
        if isinstance(gpu, Gpu):
            found += host.driver_problems(gpu)
        elif settings.require_gpu:
            found.append(Problem(f"--require-gpu: {gpu.what}", gpu.fix))
        of_pods = images.of_pods(settings.minio)
        if problem := host.missing_own_images(of_pods):
            found.append(problem)
        if problem := host.no_room(info, of_pods):
            found.append(problem)
        return found + cls.new_cluster_problems(settings, images, gpu if isinstance(gpu, Gpu) else None)

    @classmethod
    def reuse_problems(cls, settings: Settings) -> list[Problem]:
        """Return why the named cluster can't be reused."""
        there = cls.clusters()
        if settings.cluster not in there:
            only = ", ".join(there) or "none"
            what = f"--cluster {settings.cluster}: {cls.program} has no such cluster, only: {only}"
            return [Problem(what, "leave --cluster out to have one made for the run")]
        # how its nodes get the GPU is their own affair, but the driver is this machine's
        found = nvidia_smi.find_gpus() if settings.require_gpu else []
        return [] if isinstance(found, Problem) or not found else host.driver_problems(found[0])

    @classmethod
    def describe(cls, settings: Settings) -> str:
        where = f"{cls.program} {cls.version()} on Docker {host.docker_info()['ServerVersion']}"
        if settings.cluster:
            return f"{where}, its cluster {settings.cluster}"
        gpu = cls.find_gpu()
        words = f"GPU {gpu.name}, CUDA {gpu.cuda}" if isinstance(gpu, Gpu) else f"no GPU: {gpu}"
        return f"{where}, a cluster of the run's own, {words}"

    @classmethod
    def version(cls) -> str:
        return host.program_version(cls.program, cls.least, cls.install)

    @property
    def context(self) -> str:
        return f"{self.program}-{self.name}"

    def __enter__(self) -> Access:
        if self.own:
            gpu = self.find_gpu()
            self.has_gpu = isinstance(gpu, Gpu)
            # of a pytest that was killed, nobody else removes it
            self.processes.afterwards(
                module_command(cleanup.__name__, self.program, self.name),
                fix=f"remove it with `{cleanup.by_hand(self.program, self.name)}`",
            )
            try:
                self.create(gpu if isinstance(gpu, Gpu) else None)
                self.write_kubeconfig()
            except BaseException:
                self.remove()
                raise
        else:
            self.write_kubeconfig()
        return Access(self.context, self.kubeconfig)

    def __exit__(self, *error: object) -> None:
        if self.own and not self.settings.keep:
            self.remove()

    def remove(self) -> None:
        self.say(f"removing the {self.program} cluster {self.name}")
        cleanup.remove(self.program, self.name)

    def write_kubeconfig(self) -> None:
        """Write the cluster's kubeconfig into the run's own folder, for this user alone."""
        answer = host.ask(self.kubeconfig_command())
        if answer.code:
            raise AcceptanceError(
                f"{self.program} gives no kubeconfig of cluster {self.name}: {plain(answer.output).strip()}"
            )
        write_whole(self.kubeconfig, answer.output, mode=0o600)

    def load(self, images: Sequence[str]) -> None:
        there = [image for image in dict.fromkeys(images) if host.has_image(image)]
        self.load_now([image for image in there if only_here(image)])
        for image in there:
            if not only_here(image):
                try:
                    self.load_now([image])
                # a pulled one lacks other platforms' layers, which a containerd image store is asked for as well
                except AcceptanceError as error:
                    self.say(f"{image} could not be loaded, so the cluster pulls it: {error}")

    def load_now(self, images: Sequence[str]) -> None:
        """Load images that Docker has; raises AcceptanceError where one is refused."""
        if not images:
            return
        log = self.finish(f"load {len(images)} images", "load", self.load_command(images), LOAD_SECONDS)
        # k3d counts an image that a node refused as a success; what it can't tidy up afterwards was loaded
        refused = [line for line in log.splitlines() if line.startswith("ERRO") and "failed to delete" not in line]
        if refused:
            raise AcceptanceError(f"{self.program} could not load {', '.join(images)}: {refused[0]}")
        self.loaded += images

    def finish(
        self,
        doing: str,
        log: str,
        command: Sequence[str | Path],
        seconds: float,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """Run the program to its end with its last line on the terminal; return what it said.

        Raises AcceptanceError with the end of its log where it fails.
        """
        with self.processes.running(f"{self.program}-{log}", command, environment, Kind.USERS) as process:

            def state() -> Ready[None] | str:
                if process.popen.poll() == 0:
                    return Ready(None)
                process.check_alive()
                line = (output_of(process).splitlines() or ["starting"])[-1]
                self.say(f"{self.program}: {line}")
                return line

            try:
                wait_until(f"{self.program} to {doing}", state, seconds, look_at=str(process.log), poll=0.2)
            except ProcessDied as died:
                raise AcceptanceError(f"{self.program} could not {doing} (cluster {self.name}): {died}") from died
            return output_of(process)

    def how_to_remove(self) -> str:
        return cleanup.by_hand(self.program, self.name) if self.own else ""


def output_of(process: Process) -> str:
    return plain(process.log.read_text(errors="replace", encoding="utf-8")).strip()
