"""Photos for the page: decoded as the model's are, made small, kept."""
