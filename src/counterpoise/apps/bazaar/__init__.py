"""A market on which a good, a lazy and a lying seller meet people, agents and contracts."""
