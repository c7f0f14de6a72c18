"""KServe: what a cluster has of it, its runtimes for Triton, and InferenceServices. May import kubernetes."""
