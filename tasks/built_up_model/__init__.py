"""How likely a segment runs through a built-up area: the evidence, its weights, and where they come from."""
