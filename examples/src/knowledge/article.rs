/// How long a passage may be, in bytes, before it is parted between paragraphs: it is quoted in a mail.
const PASSAGE_LENGTH: usize = 1200;

/// A Markdown file, cut at its headings.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Article {
    /// The first `# ` heading, or the name of the file.
    pub(super) title: String,
    pub(super) file: String,
    /// Words of customers that the article itself does not use, from `keywords:` in the front matter.
    pub(super) keywords: String,
    pub(super) passages: Vec<Passage>,
}

/// What stands under one heading.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Passage {
    /// `None` under the title.
    pub(super) heading: Option<String>,
    pub(super) text: String,
}

impl Article {
    pub(super) fn parse(file: &str, markdown: &str) -> Self {
        let markdown = markdown.trim_start_matches('\u{feff}').replace("\r\n", "\n");
        let (front_matter, body) = split_front_matter(&markdown);
        let keywords =
            front_matter.lines().find_map(|line| line.strip_prefix("keywords:")).unwrap_or_default();
        let mut article = Self {
            title: name_of(file),
            file: file.to_owned(),
            keywords: keywords.trim().to_owned(),
            passages: Vec::new(),
        };
        article.read_sections(body);
        article
    }

    fn read_sections(&mut self, body: &str) {
        let (mut heading, mut text) = (None, String::new());
        let (mut is_titled, mut fence) = (false, None);
        for line in body.lines() {
            fence = fence_after(fence, line);
            match heading_of(line).filter(|_| fence.is_none()) {
                Some((1, title)) if !is_titled => {
                    self.keep(heading.take(), &text);
                    (self.title, is_titled) = (title.to_owned(), true);
                    text.clear();
                }
                Some((_, next)) => {
                    self.keep(heading.replace(next.to_owned()), &text);
                    text.clear();
                }
                None => {
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
        self.keep(heading, &text);
    }

    fn keep(&mut self, heading: Option<String>, text: &str) {
        let mut passage = String::new();
        for paragraph in text.split("\n\n").map(|paragraph| paragraph.trim_matches('\n')) {
            if !passage.is_empty() && passage.len() + paragraph.len() > PASSAGE_LENGTH {
                self.push(heading.clone(), &passage);
                passage.clear();
            }
            passage.push_str(paragraph);
            passage.push_str("\n\n");
        }
        self.push(heading, &passage);
    }

    fn push(&mut self, heading: Option<String>, text: &str) {
        let text = text.trim();
        if !text.is_empty() {
            self.passages.push(Passage { heading, text: shortened(text).to_owned() });
        }
    }
}

/// A paragraph without an end is cut: nobody reads it in a mail.
fn shortened(text: &str) -> &str {
    let end = (0..=text.len().min(2 * PASSAGE_LENGTH)).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

/// The block between two `---` lines at the very start, if there is one that ends.
fn split_front_matter(markdown: &str) -> (&str, &str) {
    let after = markdown.strip_prefix("---\n");
    after.and_then(|rest| rest.split_once("\n---\n")).unwrap_or(("", markdown))
}

/// The marker of the code block that is open after this line.
fn fence_after(open: Option<&'static str>, line: &str) -> Option<&'static str> {
    let line = line.trim_start();
    match open {
        Some(fence) if line.starts_with(fence) => None,
        Some(fence) => Some(fence),
        None => ["```", "~~~"].into_iter().find(|fence| line.starts_with(fence)),
    }
}

/// The level and the words of a heading such as `## Refunds ##`.
fn heading_of(line: &str) -> Option<(usize, &str)> {
    let words = line.trim_start_matches('#');
    let level = line.len() - words.len();
    let is_heading = (1..=6).contains(&level) && words.starts_with([' ', '\t']);
    let words = words.trim().trim_end_matches('#').trim();
    (is_heading && !words.is_empty()).then_some((level, words))
}

/// `password-reset.md` as `Password reset`.
fn name_of(file: &str) -> String {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem).replace(['-', '_'], " ");
    let mut letters = stem.trim().chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passages(markdown: &str) -> Vec<(Option<String>, String)> {
        let article = Article::parse("a.md", markdown);
        article.passages.into_iter().map(|passage| (passage.heading, passage.text)).collect()
    }

    #[test]
    fn an_article_is_cut_at_its_headings() {
        let article =
            Article::parse("x.md", "# Refunds #\r\n\r\nSoon.\r\n\r\n## How\r\nBy card.\r\n## Empty\n");
        assert_eq!(article.title, "Refunds");
        let passage = |heading: Option<&str>, text: &str| Passage {
            heading: heading.map(str::to_owned),
            text: text.to_owned(),
        };
        assert_eq!(article.passages, [passage(None, "Soon."), passage(Some("How"), "By card.")]);
    }

    #[test]
    fn without_a_title_the_file_names_the_article() {
        assert_eq!(Article::parse("password-reset.md", "Click.").title, "Password reset");
        assert_eq!(Article::parse("ärger.md", "## Only\nsmall").title, "Ärger");
    }

    #[test]
    fn front_matter_gives_keywords_and_is_never_quoted() {
        let article =
            Article::parse("a.md", "---\ntags: [x]\nkeywords: send back, swap\n---\n# Returns\nYes.");
        assert_eq!((article.title.as_str(), article.keywords.as_str()), ("Returns", "send back, swap"));
        assert_eq!(article.passages[0].text, "Yes.");
    }

    #[test]
    fn a_rule_that_opens_the_text_is_no_front_matter() {
        assert_eq!(passages("---\nNo end to it."), [(None, "---\nNo end to it.".to_owned())]);
    }

    #[test]
    fn a_hash_in_a_code_block_or_a_tag_is_no_heading() {
        let text = "```sh\n# a comment\n```\n#winning\n####### seven";
        assert_eq!(passages(text), [(None, text.to_owned())]);
    }

    #[test]
    fn long_sections_are_parted_between_paragraphs_and_endless_ones_cut() {
        let paragraph = "Words. ".repeat(120);
        let parted = passages(&format!("{paragraph}\n\n{paragraph}\n\n{paragraph}"));
        assert_eq!(parted.len(), 3);
        assert!(passages(&"ü".repeat(100_000))[0].1.len() <= 2 * PASSAGE_LENGTH);
    }
}
