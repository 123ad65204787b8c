"""Many videos at once: tasks, the processes that do them, and who gets which."""
