"""Benchmarks: ours beside what people would use instead, in turn in the same run, with what the machine could do."""
