"""What the edge answers over HTTP on its public port: back ends, users, event streams and polls."""
