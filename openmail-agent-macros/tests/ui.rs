//! What the attribute says where it is used wrongly.
//!
//! One mistake a file, and the file is named by it. `TRYBUILD=overwrite cargo test -p openmail-agent-macros` writes the
//! expected messages anew.

#[test]
fn wrong_uses_say_what_to_write_instead() {
    trybuild::TestCases::new().compile_fail("tests/fail/*.rs");
}
