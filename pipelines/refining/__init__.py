"""Makes the joints of finished tracks better: a stage of a run, a command, a function."""
