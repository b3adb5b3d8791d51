"""A folder looked at once: what the folder check and the audit found, and the embedding of every image."""
