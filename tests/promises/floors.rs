//! Imports only point down.

use std::path::{Path, PathBuf};

/// The floors of the library, the ground floor first. Modules that share a floor do not know each other.
const FLOORS: [&[&str]; 8] = [
    &["model", "clock", "backoff", "failpoint", "give_way"],
    &["wire", "limit"],
    &["store", "api"],
    &["transport", "outbox"],
    &["handler"],
    &["router"],
    &["runtime"],
    &["lib", "prelude", "declared", "testing", "__private"],
];

#[test]
fn imports_only_point_down() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openmail-agent/src");
    let mut wrong = Vec::new();
    let mut imports = 0;
    for file in source_files(&source) {
        let from = module_of(file.strip_prefix(&source).unwrap());
        for to in imported(&without_tests(&std::fs::read_to_string(&file).unwrap())) {
            imports += 1;
            if !may_import(&from, &to) {
                wrong.push(format!("{}: `{from}` imports `crate::{to}`", file.display()));
            }
        }
    }
    assert!(imports > 300, "only {imports} imports were found: this test does not see the source any more");
    assert!(wrong.is_empty(), "imports that do not point down:\n{}", wrong.join("\n"));
}

#[test]
fn imports_are_seen_in_every_form() {
    let source = "
        //! Not [`this`](crate::runtime).
        use crate::{clock, model::{self, Mail}};
        fn f() -> crate::wire::Text { crate::api::call() } // nor crate::router
        #[cfg(test)]
        mod tests { use crate::handler; }";
    assert_eq!(imported(&without_tests(source)), ["clock", "model", "wire", "api"]);
    assert!(may_import("wire", "model") && may_import("store", "store"));
    assert!(
        !may_import("model", "wire") && !may_import("outbox", "transport") && !may_import("store", "Mail")
    );
}

fn may_import(from: &str, to: &str) -> bool {
    from == to || floor(to) < floor(from) || floor(from) == FLOORS.len() - 1
}

/// What is no module is something the front page hands on.
fn floor(module: &str) -> usize {
    FLOORS.iter().position(|floor| floor.contains(&module)).unwrap_or(FLOORS.len() - 1)
}

fn source_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        match path.extension() {
            _ if name == "tests" => {}
            None if path.is_dir() => files.extend(source_files(&path)),
            Some(extension) if extension == "rs" => files.push(path),
            _ => {}
        }
    }
    files
}

/// `store/book/mod.rs` belongs to `store`.
fn module_of(file: &Path) -> String {
    let first = file.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The code without its comments, and without the test module, which stands last.
fn without_tests(source: &str) -> String {
    let mut code = String::new();
    let mut lines = source.lines().map(|line| line.split("//").next().unwrap_or_default().trim()).peekable();
    while let Some(line) = lines.next() {
        let is_test_module = |next: &&str| next.starts_with("mod tests {");
        if line == "#[cfg(test)]" && lines.peek().is_some_and(is_test_module) {
            break;
        }
        code.push_str(line);
        code.push('\n');
    }
    code
}

/// The modules named right after each `crate::`.
fn imported(code: &str) -> Vec<String> {
    code.split("crate::").skip(1).flat_map(heads).collect()
}

fn heads(rest: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(group) = rest.strip_prefix('{') else { return vec![name(rest)] };
    let mut depth = 0;
    let mut starts = vec![0];
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => starts.push(at + 1),
            _ => {}
        }
    }
    starts.into_iter().map(|start| name(&group[start..])).filter(|name| !name.is_empty()).collect()
}
