"""Third-party engines of payments; each is imported here alone, and late."""
