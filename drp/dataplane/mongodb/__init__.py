"""Reading and loading a MongoDB by raw commands; what a server can do is asked, never guessed."""
