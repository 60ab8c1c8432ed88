"""Floor 1: the only user of SQLAlchemy. Models, migrations, and queries by subject."""
