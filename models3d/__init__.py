"""Networks, losses and weights. Knows nothing of files other than weights."""
