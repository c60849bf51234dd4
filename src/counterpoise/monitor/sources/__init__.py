"""Sources of blocks: chains, files and brokers."""
