"""The command `graft`, above all other packages; it does no work of its own."""
