"""A served model: its endpoint, the V2 protocol, Triton and its model repository. May import `training` and `gpu`."""
