"""A project: a folder of images, the name of its models, and what the person said about the images."""
