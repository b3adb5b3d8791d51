"""A folder of images to a published model package. Uses `inference`, knows nothing of the service."""
