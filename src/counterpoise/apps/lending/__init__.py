"""A desk that lends on a model's word, and says why when it does not."""
