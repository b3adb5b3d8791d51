"""A folder, an archive or a list of any length through a model, into a file: `--out` of the command.

In order: `sources.py` gives the images one by one, `pipeline.py` answers them in batches on all cores,
`rows.py` says how an answer is written, `output_file.py` writes and resumes. Nothing grows with the
number of images but what `written_names.py` keeps of a resumed run, 12 bytes an image.
"""
