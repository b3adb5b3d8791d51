"""Off unless asked for: images and answers kept for review, right labels sent back, drift of the answers."""
