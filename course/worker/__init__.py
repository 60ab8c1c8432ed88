"""Floor 3: the loop that is the course's clock, and what sends, the only ones that call a provider."""
