"""Training: execution, run folder, data loading, packing, gradients, optimizer, checkpoints, the next-token loop."""
