"""When and where tasks run: tables, the stage engine, flows and the command line."""
