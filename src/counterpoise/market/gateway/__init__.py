"""One process that puts models and services behind payment."""
