"""From the images of a request to one outcome each."""
