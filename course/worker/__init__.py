"""Floor 3: the loop that is the course's clock, and the sender, the only one that calls a provider."""
