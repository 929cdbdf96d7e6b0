"""The dispute game: machines, dissections, solver, watcher and agent."""
