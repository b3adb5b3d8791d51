"""How good a model is, and how sure that is: figures from answers and true classes."""
