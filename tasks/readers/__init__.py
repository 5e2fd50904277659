"""Map files in, Arrow tables out: one module for each family of formats."""
