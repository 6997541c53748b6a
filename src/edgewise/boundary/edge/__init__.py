"""The edge: problems that a model solves rarely but not never.

`edge.find_edge` does everything; `placing` decides about each problem, and `group_signal` estimates how many groups of
rollouts would teach anything.
"""
