"""Rules of the client: pure, without sockets, clocks or randomness."""
