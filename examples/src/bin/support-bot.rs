//! Answers customers from a folder of articles, says so when it does not know, and hands over to a person.
//!
//! | variable | meaning |
//! |---|---|
//! | `SUPPORT_KB` | the folder of articles, default `kb/` beside this crate |
//! | `SUPPORT_HUMAN` | who gets what the articles do not answer; in the sandbox, default `team@example.com` |

use openmail_agent::model::Address;
use openmail_agent::prelude::*;
use openmail_agent_examples::knowledge::{Answer, KnowledgeBase};
use openmail_agent_examples::{SetUp, init_tracing, set_up};
use serde::{Deserialize, Serialize};

/// Answers a customer, or passes the mail on.
#[mail_handler]
async fn support(
    mail: Mail,
    State(kb): State<KnowledgeBase>,
    State(desk): State<Desk>,
    mut conversation: Memory<Conversation>,
    compose: Compose,
) -> Result<Option<Reply>> {
    let question = conversation.question(&mail);
    let answer = tokio::task::spawn_blocking(move || kb.answer(&question)).await?;
    let turn = desk.turn(&mail, answer, &mut conversation);
    if let (Some(word), Some(human)) = (turn.pass_on, desk.human) {
        compose.forward(human, word);
    }
    Ok(turn.reply.map(Reply::text))
}

/// Replies are held by the runtime until the inbox is allowed again; somebody has to see to it.
#[mail_handler(event = "inbox.suspended")]
async fn suspended(news: Lifecycle) {
    tracing::error!(inbox = ?news.inbox_id, reason = ?news.reason, "the inbox is suspended: its replies wait");
}

/// The customer got no answer and never will.
#[mail_handler(event = "reply.failed")]
async fn reply_failed(failure: SendFailure) {
    tracing::error!(key = %failure.idempotency_key, code = ?failure.code, "a reply could not be sent: see to it by hand");
}

#[tokio::main]
async fn main() -> Result<()> {
    init_tracing();
    let SetUp { runtime, sandbox } = set_up("support").await?;
    let kb = KnowledgeBase::open(variable("SUPPORT_KB").unwrap_or_else(|| KB.to_owned()))?;
    let human =
        variable("SUPPORT_HUMAN").or_else(|| sandbox.is_some().then(|| "team@example.com".to_owned()));
    let desk = Desk::with(human.as_deref())?;
    tracing::info!(articles = kb.articles(), "the knowledge base is open");
    runtime.state(kb).state(desk).handlers(handlers![support, suspended, reply_failed]).run().await
}

const KB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/kb");

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// Who stands behind the bot.
#[derive(Debug, Clone)]
struct Desk {
    human: Option<Address>,
}

/// What the bot remembers of a conversation.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Conversation {
    /// The passages it has quoted. None is quoted twice: whoever asks again was not helped by it.
    quoted: Vec<String>,
    /// It has said that it does not know. It says so once: two machines that apologise to each other never stop.
    has_given_up: bool,
}

/// What the bot does about a mail.
#[derive(Debug, Default, PartialEq)]
struct Turn {
    reply: Option<String>,
    /// The word in front of the mail when it is passed on to a person.
    pass_on: Option<&'static str>,
}

impl Conversation {
    /// What is asked. The subject is part of it at first; later it only repeats the first question.
    fn question(&self, mail: &Mail) -> String {
        let is_first = self.quoted.is_empty() && !self.has_given_up;
        let subject = if is_first { mail.subject() } else { "" };
        format!("{subject}\n{}", mail.new_text())
    }

    /// Notes a passage, if it is new in this conversation.
    fn quotes(&mut self, answer: &Answer) -> bool {
        let passage = format!("{}#{}", answer.file, answer.heading.as_deref().unwrap_or_default());
        let is_new = !self.quoted.contains(&passage);
        if is_new {
            self.quoted.push(passage);
        }
        is_new
    }
}

impl Desk {
    fn with(human: Option<&str>) -> Result<Self> {
        let Some(human) = human else {
            tracing::warn!("SUPPORT_HUMAN is not set: what the articles do not answer reaches nobody");
            return Ok(Self { human: None });
        };
        let human = human
            .parse()
            .map_err(|_| Error::msg("SUPPORT_HUMAN is not one mail address such as team@example.com"))?;
        Ok(Self { human: Some(human) })
    }

    fn turn(&self, mail: &Mail, answer: Option<Answer>, conversation: &mut Conversation) -> Turn {
        let is_from_human = self.human.is_some() && self.human.as_ref() == mail.from();
        if is_from_human || mail.message().auto_replyable == Some(false) {
            return Turn::default();
        }
        if conversation.has_given_up && self.human.is_some() {
            return Turn {
                reply: None,
                pass_on: Some("The customer you were asked to help has written again."),
            };
        }
        if asks_for_human(mail) {
            return self.give_up("You asked for a person.", conversation);
        }
        match answer {
            Some(answer) if conversation.quotes(&answer) => {
                Turn { reply: Some(self.quote(&answer)), pass_on: None }
            }
            None if !conversation.quoted.is_empty() && is_thanks(mail) => Turn::default(),
            None => self.give_up("I found no answer to this in our help articles.", conversation),
            Some(_) => self.give_up("Our help articles say no more than I have quoted.", conversation),
        }
    }

    fn quote(&self, answer: &Answer) -> String {
        let section =
            answer.heading.as_ref().map(|heading| format!(", section \"{heading}\"")).unwrap_or_default();
        let passage: String = answer.text.lines().map(|line| format!("> {line}\n")).collect();
        let more = match self.human {
            Some(_) => "If this does not help, reply with the word \"human\", and a person reads your mail.",
            None => "If this does not help, ask again in other words.",
        };
        format!("Our help article \"{}\"{section} says:\n\n{passage}\n{more}", answer.title)
    }

    fn give_up(&self, why: &str, conversation: &mut Conversation) -> Turn {
        let said_before = std::mem::replace(&mut conversation.has_given_up, true);
        match self.human {
            Some(_) => Turn {
                reply: Some(format!("{why} I have passed your mail on to a person, who will write to you.")),
                pass_on: Some(
                    "The support bot could not help this customer. Write to them yourself: a reply to this mail goes no further than the bot.",
                ),
            },
            None if said_before => {
                tracing::warn!("a customer waits for a person, and there is none: set SUPPORT_HUMAN");
                Turn::default()
            }
            None => {
                tracing::warn!("a customer needs a person, and there is none: set SUPPORT_HUMAN");
                Turn { reply: Some(format!("{why} {NOBODY}")), pass_on: None }
            }
        }
    }
}

const NOBODY: &str = "I am a program, and no person is set up behind me, so I could not pass your mail on to anybody. \
                      If you put your question in other words, I look again.";

fn asks_for_human(mail: &Mail) -> bool {
    words(&mail.new_text()).any(|word| word == "human")
}

/// A few words of thanks are the end of a conversation, and not a question nobody can answer.
fn is_thanks(mail: &Mail) -> bool {
    let text = mail.new_text();
    let is_short = words(&text).count() <= 12 && !text.contains('?');
    is_short
        && words(&text).any(|word| matches!(word.as_str(), "thanks" | "thank" | "thx" | "cheers" | "great"))
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use openmail_agent::model::Message;
    use openmail_agent::runtime::{Config, Runtime, StoreLocation};
    use openmail_agent::testing::{IncomingMail, RunOne, mail, run_one};
    use openmail_sandbox::{self as sandbox, Sandbox};

    const TEAM: &str = "team@example.com";

    /// A customer's mail, and what the bot does about it.
    fn turn(human: Option<&str>, conversation: &mut Conversation, from: &str, text: &str) -> Turn {
        let mut message = Message::new("msg_1");
        message.from = Some(from.parse().unwrap());
        message.text = Some(text.to_owned());
        let mail = Mail::new(message);
        let answer = KnowledgeBase::open(KB).unwrap().answer(&conversation.question(&mail));
        Desk::with(human).unwrap().turn(&mail, answer, conversation)
    }

    fn talk(human: Option<&str>, texts: &[&str]) -> Vec<Turn> {
        let mut conversation = Conversation::default();
        texts.iter().map(|text| turn(human, &mut conversation, "ada@example.com", text)).collect()
    }

    #[test]
    fn an_answer_quotes_the_passage_and_names_the_article() {
        let [Turn { reply: Some(reply), pass_on: None }] =
            &talk(Some(TEAM), &["When do I get my refund?"])[..]
        else {
            panic!("not answered");
        };
        assert!(
            reply.contains("\"Refunds\"")
                && reply.contains("\n> We refund you")
                && reply.contains("\"human\"")
        );
    }

    #[test]
    fn what_is_not_known_is_passed_on_and_said_once() {
        let turns =
            talk(Some(TEAM), &["Do you sponsor football clubs?", "Well?", "When do I get my refund?"]);
        assert!(turns[0].reply.as_ref().is_some_and(|reply| reply.contains("passed your mail on")));
        assert!(turns.iter().all(|turn| turn.pass_on.is_some()));
        assert!(turns[1..].iter().all(|turn| turn.reply.is_none()));
    }

    #[test]
    fn the_word_human_reaches_a_person() {
        let turns = talk(Some(TEAM), &["When do I get my refund?", "HUMAN, please"]);
        assert!(turns[1].pass_on.is_some() && turns[1].reply.is_some());
    }

    #[test]
    fn whoever_asks_the_same_again_was_not_helped() {
        let turns = talk(Some(TEAM), &["When do I get my refund?", "But when do I get my refund?"]);
        assert!(turns[0].pass_on.is_none() && turns[1].pass_on.is_some());
    }

    #[test]
    fn thanks_end_the_conversation() {
        assert_eq!(talk(Some(TEAM), &["When do I get my refund?", "Great, thanks!"])[1], Turn::default());
    }

    #[test]
    fn without_a_person_nothing_is_promised() {
        let turns = talk(None, &["Do you sponsor football clubs?", "Well?", "When do I get my refund?"]);
        assert!(turns[0].reply.as_ref().is_some_and(|reply| reply.contains("could not pass your mail on")));
        assert_eq!(turns[1], Turn::default());
        assert!(turns[2].reply.as_ref().is_some_and(|reply| !reply.contains("human")));
        assert!(turns.iter().all(|turn| turn.pass_on.is_none()));
    }

    #[tokio::test]
    async fn a_conversation_is_answered_then_passed_on_and_remembered() {
        let first = bot(mail("Ada <ada@example.com>", "When do I get my refund?")).await;
        assert!(first.reply().text().contains("5 working days"));
        let second = first.then(mail("Ada <ada@example.com>", "I want a human")).await;
        let [forward, reply] = second.sent() else { panic!("{second:?}") };
        assert_eq!((forward.to().as_str(), forward.thread_id()), (TEAM, None));
        assert!(reply.text().contains("passed your mail on") && reply.thread_id().is_some());
        assert!(second.memory::<Conversation>().is_some_and(|conversation| conversation.has_given_up));
    }

    fn bot(mail: IncomingMail) -> RunOne {
        let kb = KnowledgeBase::open(KB).unwrap();
        run_one(handlers![support], mail).state(kb).state(Desk::with(Some(TEAM)).unwrap())
    }

    #[test]
    fn the_person_behind_the_bot_gets_no_answer_from_it() {
        let mut conversation = Conversation::default();
        assert_eq!(turn(Some(TEAM), &mut conversation, "Team <TEAM@example.com>", "human"), Turn::default());
    }

    #[tokio::test]
    async fn news_is_taken_without_an_answer() {
        suspended(Lifecycle::new(openmail_agent::model::EventKind::INBOX_SUSPENDED)).await;
        reply_failed(SendFailure::new("key", "support", Some("recipient_suppressed".into()), "refused"))
            .await;
    }

    #[tokio::test]
    async fn a_mail_is_answered_in_its_thread_and_then_passed_on() {
        // Waits for events; the time is only for the failure.
        tokio::time::timeout(Duration::from_secs(30), answered_and_passed_on()).await.unwrap();
    }

    async fn answered_and_passed_on() {
        let sandbox = Sandbox::start().await.unwrap();
        let inbox = sandbox.create_inbox("support");
        let mut config = Config::new(sandbox.api_key());
        config.base_url = sandbox.base_url().to_owned();
        config.store = StoreLocation::Memory;
        let runtime = Runtime::new(config)
            .state(KnowledgeBase::open(KB).unwrap())
            .state(Desk::with(Some(TEAM)).unwrap())
            .handlers(handlers![support, suspended, reply_failed]);
        let running = runtime.start().await.unwrap();
        running.ready().await.unwrap();

        let mail = |text: &str| {
            sandbox::Mail::from("ada@example.com").to(&inbox.address).subject("Refund").text(text)
        };
        let asked = sandbox.deliver(mail("When do I get my refund?"));
        let answer = sandbox.wait_for_sent(&inbox.id, 1).await.remove(0);
        assert_eq!(answer.thread_id, asked.thread_id);
        assert!(answer.text.contains("5 working days"));

        sandbox.deliver(mail("I want a human").in_reply_to(answer.rfc_message_id));
        let sent = sandbox.wait_for_sent(&inbox.id, 3).await;
        assert!(sent.iter().any(|sent| sent.to == TEAM && sent.thread_id != asked.thread_id));
        running.stop().await.unwrap();
    }
}
