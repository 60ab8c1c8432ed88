"""Floor 2: the use cases, as functions of (session, …, now). They never open or commit a transaction."""
