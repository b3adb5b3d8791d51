"""A published model asked about single images, in the studio's own process."""
