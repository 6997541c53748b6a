"""Writers: what other tools read, one tool a file."""
