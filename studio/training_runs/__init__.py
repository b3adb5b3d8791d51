"""A training: chosen in words, run as a process, compared with the version before, published or not."""
