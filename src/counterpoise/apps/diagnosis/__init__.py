"""Four hospitals diagnose heart disease with one model that nobody owns alone."""
