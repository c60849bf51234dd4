"""Third-party engines of the room, each imported in one file, late."""
