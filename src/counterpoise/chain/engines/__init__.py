"""Third-party engines of the chain room, each imported late and from here alone."""
