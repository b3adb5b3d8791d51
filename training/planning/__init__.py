"""The training plan: how many steps, at which learning rate, and how much of the network is trained."""
