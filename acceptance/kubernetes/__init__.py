"""One namespace of a Kubernetes cluster: client, watches, pods, diagnosis. May import `gpu`."""
