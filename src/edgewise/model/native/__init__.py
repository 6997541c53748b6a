"""Compiled kernels: sampling, and the decoder with its derivative, in FP32 on a CPU."""
