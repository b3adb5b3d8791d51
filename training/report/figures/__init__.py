"""Figures as inline SVG: one file each, all drawn with `plot`. Colours come from the page's style."""
