"""A folder of images: found, decoded, split. The user's files are never changed."""
