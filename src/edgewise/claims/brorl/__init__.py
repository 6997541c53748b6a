"""BroRL (arXiv 2510.01180), more rollouts a prompt: its mass-balance equation and its token simulator."""
