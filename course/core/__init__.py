"""Floor 0: values in, values out. No clock, no database, no network, no Flask."""
