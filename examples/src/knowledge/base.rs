use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::article::Article;
use super::index::{Hit, Index};
use super::question::Question;
use super::{KnowledgeError, KnowledgeErrorKind, folder};

/// Markdown articles, searched by what they say about a question.
///
/// An article is a file with the ending `.md`. Its title is its first `# ` heading, or else its file name; what stands
/// under each heading is a passage, which is the unit of an answer. Front matter is left out of answers; its `keywords:`
/// line may list words that customers use and the article does not.
///
/// Cheap to clone; clones share one index.
///
/// ```
/// use openmail_agent_examples::knowledge::KnowledgeBase;
///
/// # fn main() -> Result<(), openmail_agent_examples::knowledge::KnowledgeError> {
/// let kb = KnowledgeBase::open(concat!(env!("CARGO_MANIFEST_DIR"), "/kb"))?;
/// let answer = kb.answer("I forgot my password, how can I reset it?");
/// assert_eq!(answer.map(|answer| answer.file).as_deref(), Some("password-reset.md"));
/// assert!(kb.answer("Who won the cup final in 1974?").is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct KnowledgeBase(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    articles: Vec<Article>,
    /// For each passage of the index, its article and its place there.
    places: Vec<(usize, usize)>,
    index: Mutex<Index>,
}

/// The passage that answers a question best.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// The article's title.
    pub title: String,
    /// The article's file name.
    pub file: String,
    /// The heading it stands under; `None` for what stands under the title.
    pub heading: Option<String>,
    /// The passage as it is written, Markdown and all.
    pub text: String,
    /// How much of the question it covers, each word weighted by how rare it is: from 0 to 1.
    pub score: f64,
}

impl KnowledgeBase {
    /// Reads and indexes the articles of a folder. Changes made later are not seen.
    ///
    /// # Errors
    ///
    /// When the folder or an article cannot be read, when there is no article, or when there is more than is read.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, KnowledgeError> {
        let dir = dir.as_ref();
        let articles = folder::read(dir)?;
        let index = Index::build(&articles)
            .map_err(|error| KnowledgeError::new(KnowledgeErrorKind::Index, dir).because(error))?;
        let places = articles.iter().enumerate();
        let places =
            places.flat_map(|(n, article)| (0..article.passages.len()).map(move |passage| (n, passage)));
        Ok(Self(Arc::new(Inner { places: places.collect(), articles, index: Mutex::new(index) })))
    }

    /// How many articles there are.
    #[must_use]
    pub fn articles(&self) -> usize {
        self.0.articles.len()
    }

    /// The passage that answers the question, or `None` where no article is about it.
    ///
    /// The question may be a whole mail, of any size and by anybody: only its beginning is read, and nothing in it is
    /// ever a command. With a thousand articles this takes a few milliseconds, which an async caller spends on a thread for
    /// blocking work.
    #[must_use]
    pub fn answer(&self, question: &str) -> Option<Answer> {
        let question = Question::read(question);
        let found = self.0.index.lock().unwrap_or_else(PoisonError::into_inner).search(&question);
        match found {
            Ok(hit) => hit.map(|hit| self.0.quote(hit)),
            Err(error) => {
                tracing::error!(%error, "the knowledge base cannot be searched");
                None
            }
        }
    }
}

impl Inner {
    fn quote(&self, hit: Hit) -> Answer {
        let (article, passage) = self.places[hit.passage];
        let article = &self.articles[article];
        let passage = &article.passages[passage];
        Answer {
            title: article.title.clone(),
            file: article.file.clone(),
            heading: passage.heading.clone(),
            text: passage.text.clone(),
            score: hit.coverage,
        }
    }
}
