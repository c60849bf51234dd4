"""A buyer's job goes to rows that it cannot see; what leaves, their owner's policy says."""
