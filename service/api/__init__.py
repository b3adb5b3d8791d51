"""HTTP on top of the use cases: queries, answers, the OpenAPI document."""
