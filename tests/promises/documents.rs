//! What the documents show is what is compiled.

const README: &str = include_str!("../../README.md");
const FRONT_PAGE: &str = include_str!("../../openmail-agent/src/lib.rs");

/// The first block of Rust, without what a reader does not see.
fn program(text: &str, comment: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.strip_prefix(comment).unwrap_or(line));
    lines
        .skip_while(|line| !line.trim_start().starts_with("```"))
        .skip(1)
        .take_while(|line| line.trim() != "```")
        .map(|line| line.strip_prefix(' ').filter(|_| comment == "//!").unwrap_or(line).to_owned())
        .filter(|line| !line.starts_with("# "))
        .collect()
}

#[test]
fn the_readme_shows_the_program_that_is_compiled() {
    let shown = program(README, "");
    assert!(shown.len() > 10, "{shown:#?}");
    assert_eq!(shown, program(FRONT_PAGE, "//!"));
}
