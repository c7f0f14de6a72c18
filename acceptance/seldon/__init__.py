"""Seldon Core 1: what a cluster has of it, and SeldonDeployments. May import kubernetes."""
