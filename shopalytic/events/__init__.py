"""The language that all parts share: message, envelope, event, the catalogue and its checks."""
