"""One measure of the boundary a file: its formula, its interval and the paper it comes from."""
