//! Programs that the types of the client refuse. They are in `tests/compile_fail`.
