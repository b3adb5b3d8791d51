"""`--backbone auto`: several pretrained backbones tried on the same images, and one of them chosen."""
