"""What a run has on a Docker daemon: engine, containers, checks of the host. May import `gpu`."""
