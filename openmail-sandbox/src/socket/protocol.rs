use serde_json::{Map, Value, json};

use crate::world::{Frame, Subscribe, World};

/// Obeys a client's message. What is wrong with it is said in an error frame, and the socket stays open.
pub(crate) fn obey(world: &mut World, connection: u64, message: &str) {
    if let Err(problem) = understand(world, connection, message) {
        world.reply(connection, Frame::error(&problem));
    }
}

fn understand(world: &mut World, connection: u64, message: &str) -> Result<(), String> {
    let message: Value = serde_json::from_str(message).map_err(|_| "Invalid JSON".to_owned())?;
    let Value::Object(fields) = message else { return Err("Message must be an object".into()) };
    match fields.get("type").and_then(Value::as_str) {
        Some("subscribe") => {
            let subscribe = Subscribe {
                inbox_ids: strings(&fields, "inbox_ids")?,
                event_types: strings(&fields, "event_types")?,
                last_event_id: string(&fields, "last_event_id")?,
            };
            world.subscribe(connection, subscribe);
        }
        Some("unsubscribe") => world.unsubscribe(connection, &strings(&fields, "inbox_ids")?),
        Some("ack") => {
            string(&fields, "event_id")?.ok_or("event_id is required")?;
            world.counts.acks += 1;
        }
        Some("ping") => world.reply(connection, Frame::Text(json!({"type": "pong"}).to_string())),
        Some(other) => return Err(format!("Unknown message type: {other}")),
        None => return Err("Message has no type".into()),
    }
    Ok(())
}

fn string(fields: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("{name} must be a string")),
    }
}

fn strings(fields: &Map<String, Value>, name: &str) -> Result<Vec<String>, String> {
    let wrong = || format!("{name} must be an array of strings");
    match fields.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(values)) => {
            values.iter().map(|value| value.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
        }
        Some(_) => Err(wrong()),
    }
}
