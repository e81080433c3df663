"""Checks for users' own operations and layers, and the case registry behind Lamina's tests and benchmarks."""
