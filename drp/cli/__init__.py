"""The command line: arguments in; words or JSON lines, and an exit code, out."""
