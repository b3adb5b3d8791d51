"""Is this the right folder? One kind of finding in each file; each says what to do next."""
