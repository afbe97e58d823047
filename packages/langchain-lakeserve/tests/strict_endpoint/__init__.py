"""A strict endpoint on loopback for tests and benchmarks; not part of the wheel."""
