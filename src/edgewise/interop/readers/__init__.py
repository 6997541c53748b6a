"""One reader a format, recognised by what is in the file."""
