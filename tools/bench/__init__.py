"""The suite's own speed and memory, measured: `make bench`."""
