"""Stages, store, runner and findings: how a study becomes numbers."""
