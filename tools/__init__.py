"""What works on the repository itself. Not in the wheel."""
