"""What a training is asked to do: the recipes of the profiles, and the second one."""

from dataclasses import dataclass

PROFILES = ("quick", "tutorial")
CPU_EPOCHS = {"tutorial": 10, "quick": 2}
GPU_EPOCHS = 60
BATCH_SIZE = {"tutorial": 32, "quick": 128}
# an epoch of the tutorial's network takes about 3 minutes on two cores: no machine should need ten times that
MOST_SECONDS_AN_EPOCH = 1800


@dataclass(frozen=True)
class Recipe:
    """What a training was asked to do; `device` is "cpu" or "gpu"."""

    device: str
    profile: str
    epochs: int
    batch_size: int = 64
    seed: int = 1
    entry_point: str = "main"
    """The MLflow Project's."""

    @property
    def parameters(self) -> dict[str, str]:
        """The MLflow Project's parameters, the data folder apart."""
        return {
            "epochs": str(self.epochs),
            "batch_size": str(self.batch_size),
            "profile": self.profile,
            "seed": str(self.seed),
        }

    @property
    def most_seconds(self) -> float:
        """How long the training may take before it is given up."""
        return self.epochs * MOST_SECONDS_AN_EPOCH


# the published recipes' networks and schedule: 96 % held out, in the codeset's second entry point
BEYOND = Recipe("gpu", "beyond", epochs=56, batch_size=512, entry_point="beyond")


def recipe_for(device: str, profile: str, stand_in: bool) -> Recipe:
    """Return the profile's recipe; the stand-in is so small that it takes smaller batches and more epochs."""
    epochs = GPU_EPOCHS if device == "gpu" else CPU_EPOCHS[profile]
    if stand_in:
        return Recipe(device, "quick", epochs if device == "gpu" else 6, batch_size=32)
    # the tutorial's own network is what its GPU figure of 96 % stands for
    profile = "tutorial" if device == "gpu" else profile
    return Recipe(device, profile, epochs, batch_size=BATCH_SIZE[profile])


def times_compare(cpu: Recipe, gpu: Recipe, stand_in: bool) -> bool:
    """Say whether two trainings' times compare: one network and batch size, and more than a start's worth of images."""
    return not stand_in and (cpu.profile, cpu.batch_size) == (gpu.profile, gpu.batch_size)
