"""The database: tables, transitions (one transaction each), reads for people, migrations."""
