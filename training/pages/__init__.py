"""Parts that every HTML page of this package is made of."""
