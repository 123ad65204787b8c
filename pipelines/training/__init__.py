"""Training networks: settings, batches, optimisation, resumable state. Needs torch."""
