"""What the tests themselves stand on: the oracle and the benchmarks."""
