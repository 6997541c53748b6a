"""The ledger: claims as pre-registered studies, their quantities, rule, digest, records and runs."""
