"""Photos without labels: in groups that look alike, or with a model's guess; a person names them."""
