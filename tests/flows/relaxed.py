"""`course …` whose durable transactions are relaxed ones: with this the proof of the power cut must fail."""

from course import cli
from course.store.db import Database

if __name__ == "__main__":
    Database.write = Database.relaxed  # type: ignore[method-assign]
    cli.main()
