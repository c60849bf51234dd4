"""Third-party engines of the room, each behind a Protocol and imported late."""
