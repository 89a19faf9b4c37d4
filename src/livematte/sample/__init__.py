"""The clip and the background that `livematte` shows itself off with; LICENCES.md says whose they are."""
