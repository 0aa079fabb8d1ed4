"""Records turned into tables and one self-contained page."""
