"""The only place where money is counted."""
