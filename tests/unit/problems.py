"""What tests say of the checks that return a Problem or None."""

from acceptance.errors import Problem


def assert_problem(problem: Problem | None, *words: str) -> None:
    """See that a check found what has all the words, or nothing where no words, or only "", are given."""
    wanted = [part for part in words if part]
    assert (problem is not None) == bool(wanted), f"found: {problem}"
    for part in wanted:
        assert part in str(problem)
