"""The training plan: how time is divided, how many steps, which learning rate, how much of the network."""
