"""Where alerts go: terminal, files, webhooks, event streams."""
