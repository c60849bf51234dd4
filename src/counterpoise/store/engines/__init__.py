"""Third-party storage engines, imported late."""
