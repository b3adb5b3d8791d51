"""Who may ask, how much at a time, how fast, and until when."""
