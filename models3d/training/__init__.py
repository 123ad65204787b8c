"""What a network should have said, what its mistakes cost, and how its weights are changed."""
