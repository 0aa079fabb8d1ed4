"""The rules of the game: actions, rewards, observations, and the faces of the engine."""
