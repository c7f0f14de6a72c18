"""The run's results as plain data, and all that is drawn from them. May import the rooms, never `stacks`."""
