//! mock-echo
