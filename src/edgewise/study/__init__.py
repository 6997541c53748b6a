"""Stages, studies, plan, store, runners, and the measurement of a finished study."""
