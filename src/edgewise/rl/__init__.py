"""Advantages, losses, rewards and recipes as pure functions; the one trainer that runs them."""
