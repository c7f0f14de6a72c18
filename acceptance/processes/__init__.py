"""Local processes that always end, and the guardian that outlives pytest. May import `redaction`."""
