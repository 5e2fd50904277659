"""What passes between stages: table contracts. Imports pyarrow and nothing of ours."""
