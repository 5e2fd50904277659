"""How features are made: plain functions that know neither Ray nor Prefect."""
