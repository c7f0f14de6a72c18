"""KServe: what a cluster has of it, its runtimes for Triton, and InferenceServices. Imports kubernetes and storage."""
