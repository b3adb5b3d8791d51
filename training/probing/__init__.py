"""The frozen trunk's embeddings, and the linear head fitted on them."""
