"""Request bodies, read within their limits: raw images, forms, JSON, the small ones of admin calls."""
