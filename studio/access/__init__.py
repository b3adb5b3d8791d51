"""Who may call: the secret, and where a call comes from."""
