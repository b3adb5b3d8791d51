"""What a person is shown of a model: one self-contained HTML page, without a script."""
