"""The naive oracle, dirty worlds, and the ladder that compares batch and rows with it."""
