"""Training: execution, run folder, loader, packing, gradients, optimizer, sharding, checkpoints, next-token loop."""
