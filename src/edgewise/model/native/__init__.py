"""The compiled part: sampling and the decoder's derivative in FP32 on a CPU, loaded where it was built."""
