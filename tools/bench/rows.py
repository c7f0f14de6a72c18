"""One measured figure and what it must reach."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Row:
    """`value` must be at most `limit`, or at least it where `at_least`."""

    what: str
    value: float
    limit: float
    unit: str = ""
    at_least: bool = False

    @property
    def reached(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def __str__(self) -> str:
        bound = "at least" if self.at_least else "at most"
        verdict = "reached" if self.reached else "MISSED"
        return f"| {self.what} | {self.value:.3g} {self.unit} | {bound} {self.limit:g} {self.unit} | {verdict} |"

    def as_dict(self) -> dict:
        return {**asdict(self), "reached": self.reached}
