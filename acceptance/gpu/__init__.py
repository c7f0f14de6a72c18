"""GPUs: what nvidia-smi, a node and a pod say of them. Imports the shared modules alone."""
