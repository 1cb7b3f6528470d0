"""Kubernetes: the cluster, what is installed into it, its namespaces."""
