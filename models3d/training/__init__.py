"""Training targets, losses, and the steps of the optimiser."""
