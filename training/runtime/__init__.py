"""What every stage runs on: device, processes, clock, progress display, versions."""
