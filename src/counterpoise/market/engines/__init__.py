"""Other people's libraries, each imported in one file and late."""
