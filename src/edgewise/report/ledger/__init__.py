"""The page of the ledger, its figures, and what `edgewise claims` prints. Computes nothing."""
