"""What goes over the wire, as types: JSON Schema and docs/protocol.md are made from them, and tests hold them true."""
