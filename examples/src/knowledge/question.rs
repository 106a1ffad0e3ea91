use std::collections::HashSet;
use std::ops::ControlFlow;

/// How much of a mail is read for its question, in bytes.
const READ_LENGTH: usize = 16 * 1024;

/// How many different words are looked up.
const MOST_WORDS: usize = 40;

/// How many sentences are tried.
const MOST_SENTENCES: usize = 12;

/// Words longer than this, in bytes, are none.
const WORD_LENGTH: usize = 64;

/// The words of a mail that say what it is about, sentence by sentence.
///
/// Every word is made of letters and digits only, so that none of them can be a command of the full-text index.
#[derive(Debug, Default)]
pub(super) struct Question {
    /// Each word once, in the order of appearance.
    pub(super) words: Vec<String>,
    /// The words of each sentence as positions in `words`; the whole mail is the first.
    pub(super) sentences: Vec<Vec<usize>>,
}

impl Question {
    pub(super) fn read(text: &str) -> Self {
        let mut question = Self::default();
        for sentence in start_of(text).split(['.', ',', '?', '!', ';', '\n']) {
            if question.add(sentence).is_break() {
                break;
            }
        }
        question.sentences.insert(0, (0..question.words.len()).collect());
        question
    }

    fn add(&mut self, sentence: &str) -> ControlFlow<()> {
        let mut positions = Vec::new();
        for word in content_words(sentence) {
            let known = self.words.iter().position(|earlier| *earlier == word);
            let position = match known {
                Some(position) => position,
                None if self.words.len() < MOST_WORDS => {
                    self.words.push(word);
                    self.words.len() - 1
                }
                None => continue,
            };
            if !positions.contains(&position) {
                positions.push(position);
            }
        }
        if positions.len() > 1 {
            self.sentences.push(positions);
        }
        let is_full = self.words.len() >= MOST_WORDS || self.sentences.len() >= MOST_SENTENCES;
        if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

fn start_of(text: &str) -> &str {
    let end = (0..=text.len().min(READ_LENGTH)).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

fn content_words(sentence: &str) -> impl Iterator<Item = String> {
    let words = sentence.split(|c: char| !c.is_alphanumeric());
    words.filter(|word| word.len() <= WORD_LENGTH && !is_number(word)).map(str::to_lowercase).filter(|word| {
        thread_local!(static STOP_WORDS: HashSet<&'static str> = stop_words());
        word.chars().nth(1).is_some() && !STOP_WORDS.with(|stop_words| stop_words.contains(word.as_str()))
    })
}

/// Order numbers, dates and prices say nothing about the article that is wanted.
fn is_number(word: &str) -> bool {
    let digits = word.chars().filter(|c| c.is_numeric()).count();
    digits > 2 || digits == word.chars().count()
}

fn stop_words() -> HashSet<&'static str> {
    STOP_WORDS.split_ascii_whitespace().collect()
}

/// Words that stand in any mail: grammar, what is left of contractions, courtesy, and the frame of a question.
const STOP_WORDS: &str = "
    a about above after again against all almost alone along already also although always am an and another any
    anybody anyone anything anyway are aren around as at away back be became because been before being below
    between both but by came can cannot could couldn did didn do does doesn doing don done down during each either
    else ever every everyone everything few for from further get gets getting give given go goes going gone got
    had hadn has hasn have haven having he her here hers herself him himself his how however i if in instead into
    is isn it its itself just keep kept least let ll made make makes many may maybe me might mine more most much
    must my myself near neither never no nobody none nor not nothing now of off often on once one only onto or
    other others our ours out over own per perhaps put quite rather re really s same say says see seem seems seen
    shall she should shouldn since so some somebody someone something sometimes soon still such sure t take taken
    takes than that the their theirs them themselves then there these they thing things this those though through
    thus to together too toward try trying two under until up upon us use used using ve very via was wasn way we
    well went were weren what whatever when whenever wherever whether which while who whoever whole whom
    whose why will with within without won would wouldn yet you your yours yourself
    hi hello hey dear sir madam team morning afternoon evening greetings please thank thanks thx cheers kind best
    regards sincerely sorry hope hoping wonder wondering ask asking answer question questions tell know knows
    known want wants wanted need needs needed like liked help helping possible possibly able think thought believe
    understand today yesterday tomorrow really actually currently recently ago fwd fw im ive id dont cant wont didnt
    doesnt whats hows
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_mail_says_is_left_out() {
        let question =
            Question::read("Hi team, I'd like to know: where's my parcel 4821-77? Don't hurry!\nThanks");
        assert_eq!(question.words, ["where", "parcel", "hurry"]);
    }

    #[test]
    fn each_sentence_is_a_question_of_its_own() {
        let question = Question::read("My boots leak. Is that covered by the warranty? Boots leak.");
        assert_eq!(question.words, ["boots", "leak", "covered", "warranty"]);
        assert_eq!(question.sentences, [vec![0, 1, 2, 3], vec![0, 1], vec![2, 3], vec![0, 1]]);
    }

    #[test]
    fn only_so_much_is_read() {
        let endless: String =
            (0..100_000).map(|n| format!("word{} ", char::from_u32(0x4e00 + n % 20_000).unwrap())).collect();
        let question = Question::read(&endless);
        assert_eq!(question.words.len(), MOST_WORDS);
        assert!(Question::read(&"a b. ".repeat(1_000_000)).words.is_empty());
    }
}
