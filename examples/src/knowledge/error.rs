use std::error::Error as StdError;
use std::fmt;
use std::path::{Path, PathBuf};

/// Why a folder cannot serve as a knowledge base.
#[derive(Debug)]
pub struct KnowledgeError {
    path: PathBuf,
    kind: KnowledgeErrorKind,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What is wrong with the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KnowledgeErrorKind {
    /// There is no such folder, or it cannot be read.
    Folder,
    /// There is no Markdown file with words in it.
    NoArticle,
    /// There are more articles than are read.
    TooMany,
    /// An article cannot be read.
    Article,
    /// An article is larger than an article is.
    TooLarge,
    /// The index cannot be built.
    Index,
}

impl KnowledgeError {
    pub(super) fn new(kind: KnowledgeErrorKind, path: &Path) -> Self {
        Self { path: path.to_owned(), kind, source: None }
    }

    pub(super) fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What is wrong, to decide by.
    #[must_use]
    pub fn kind(&self) -> KnowledgeErrorKind {
        self.kind
    }
}

impl fmt::Display for KnowledgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.kind {
            KnowledgeErrorKind::Folder => {
                write!(f, "cannot read the folder of articles `{path}`: name one that exists")
            }
            KnowledgeErrorKind::NoArticle => {
                write!(f, "no article in `{path}`: put Markdown files with the ending .md there")
            }
            KnowledgeErrorKind::TooMany => {
                write!(f, "too many articles in `{path}`: {} are read at most", super::folder::MOST_ARTICLES)
            }
            KnowledgeErrorKind::Article => write!(f, "cannot read the article `{path}`"),
            KnowledgeErrorKind::TooLarge => {
                write!(
                    f,
                    "`{path}` is too large for an article: {} KB at most",
                    super::folder::MOST_BYTES / 1024
                )
            }
            KnowledgeErrorKind::Index => write!(f, "cannot index the articles in `{path}`"),
        }
    }
}

impl StdError for KnowledgeError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
