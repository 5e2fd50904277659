"""The law of default speed limits: the table, the language of its filters, and what its words mean."""
