"""Files and feeds in, one validated Market out."""
