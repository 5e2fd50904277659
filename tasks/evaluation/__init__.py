"""The proof: how right inferred limits are where the map's own are hidden."""
