"""The questions that a person answers: suspect labels, one photo under two labels, a class in a gallery."""
