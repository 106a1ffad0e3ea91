use std::time::{Duration, Instant};

use lopdf::{Document, LoadOptions};

use super::drawn::Drawn;

/// What one stream may inflate to. Text, however much of it, does not need more.
pub(super) const INFLATED_AT_MOST: usize = 4 * 1024 * 1024;
const PAGES_AT_MOST: usize = 1000;

/// The text of the pages, in the order in which it is drawn. It stops at so many characters, and after so long.
pub(in super::super) fn text_of(
    bytes: &[u8],
    characters: usize,
    patience: Duration,
) -> lopdf::Result<String> {
    let began = Instant::now();
    let options = LoadOptions::with_max_decompressed_size(INFLATED_AT_MOST);
    let document = Document::load_mem_with_options(bytes, options)?;
    let mut drawn = Drawn::default();
    for page in document.page_iter().take(PAGES_AT_MOST) {
        drawn.page(&document, page)?;
        // No character has more than four octets.
        if drawn.text().len() > 4 * characters || began.elapsed() > patience {
            break;
        }
    }
    Ok(drawn.into_text())
}
