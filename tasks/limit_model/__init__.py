"""What limit such a road mostly has: learned from the segments whose limit the map states."""
