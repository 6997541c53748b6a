"""From two sets of counts to a label: the rules, the verdict and its sentence."""
