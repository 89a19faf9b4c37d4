"""Where networks are made: everything here needs torch, and nothing outside imports it."""
