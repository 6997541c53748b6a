"""Stages at a URL, for machines that share no file system: published whole, fetched and verified, gone on with."""
