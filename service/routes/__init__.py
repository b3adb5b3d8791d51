"""The HTTP addresses. Thin: a route takes typed parts, makes one call and shapes one answer."""
