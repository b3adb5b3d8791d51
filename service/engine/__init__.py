"""One loaded model, run: verified, tuned to the machine, asked in batches."""
