"""Losses: what training makes small. A family a file; without another word said, the mean over
every element."""
