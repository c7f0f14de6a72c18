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

# the tutorial's load, and the quick profile's shorter one
TUTORIAL_RATE = 600
DURATION = {"tutorial": 60, "quick": 10}
