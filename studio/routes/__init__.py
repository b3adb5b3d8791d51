"""The addresses of the studio: each asks one module and answers."""
