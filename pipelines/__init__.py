"""Jobs and the command line: track, demo, doctor, train. May import everything else."""
