"""BroRL (arXiv 2510.01180): more rollouts per prompt break through plateaus. Its mass-balance equation and token simulator."""
