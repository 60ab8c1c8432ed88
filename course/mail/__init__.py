"""Floor 1, outward: letters are rendered here and handed to a provider."""
