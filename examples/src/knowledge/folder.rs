use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::article::Article;
use super::{KnowledgeError, KnowledgeErrorKind};

/// How large one article may be.
pub(super) const MOST_BYTES: u64 = 512 * 1024;

/// How many articles are read.
pub(super) const MOST_ARTICLES: usize = 10_000;

/// Reads the Markdown files of a folder, in the order of their names; the folders in it are left alone.
pub(super) fn read(dir: &Path) -> Result<Vec<Article>, KnowledgeError> {
    let unreadable = |error| KnowledgeError::new(KnowledgeErrorKind::Folder, dir).because(error);
    let mut paths = markdown_files(dir).map_err(unreadable)?;
    if paths.len() > MOST_ARTICLES {
        return Err(KnowledgeError::new(KnowledgeErrorKind::TooMany, dir));
    }
    paths.sort();
    let mut articles = paths.iter().map(|path| read_article(path)).collect::<Result<Vec<_>, _>>()?;
    articles.retain(|article| !article.passages.is_empty());
    match articles.is_empty() {
        true => Err(KnowledgeError::new(KnowledgeErrorKind::NoArticle, dir)),
        false => Ok(articles),
    }
}

fn markdown_files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let is_markdown = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("md"));
        if is_markdown && path.is_file() {
            found.push(path);
        }
    }
    Ok(found)
}

fn read_article(path: &Path) -> Result<Article, KnowledgeError> {
    let unreadable = |error| KnowledgeError::new(KnowledgeErrorKind::Article, path).because(error);
    let mut bytes = Vec::new();
    File::open(path).map_err(unreadable)?.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(KnowledgeError::new(KnowledgeErrorKind::TooLarge, path));
    }
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(Article::parse(&file, &String::from_utf8_lossy(&bytes)))
}
