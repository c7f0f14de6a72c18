"""How large a load may be, and how many requests and pairs a figure takes. No imports: the options need them early."""

# MLPerf LoadGen: a 99th percentile at 99 % confidence takes this many requests
REQUESTS_FOR_P99 = 662
MOST_REQUESTS = 1_000_000
# the least and the most that an option may ask for
RATE = (1, 100_000)
SECONDS = (1, 86_400)
# with fewer pairs a confidence interval means little
LEAST_PAIRS = 6
PAIRS = (LEAST_PAIRS, 1000)

TUTORIAL_RATE = 600
# Triton tells every 2 s how busy its GPU is: a shorter load of a pair would show what was before
LEAST_PAIR_SECONDS = 10


def pair_seconds(duration: int) -> int:
    """Return how long each load of a pair lasts where a load is to last so many seconds."""
    return max(duration, LEAST_PAIR_SECONDS)


def usual_seconds(profile: str, stand_in: bool) -> int:
    """Return how long a load is unless the user says: the tutorial's, or a profile's whose verdicts come sooner.

    On the stand-in nothing compares with the tutorial, and 5 s have four times the requests that a p99 takes.
    """
    if profile == "tutorial":
        return 60
    return 5 if stand_in else 10
