"""What listens: one process or several behind one address, and how they end."""
