"""Pictures of people: over a run's video, in a file of their own, on the screen."""
