"""CIFAR-10, its stand-in and the sample image. Imports the shared modules alone."""
