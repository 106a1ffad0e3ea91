use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use ammonia::{Builder, UrlRelative};
use percent_encoding::percent_decode_str;

use super::tags::{name, tags};

/// The pictures of a mail as `data:` addresses, by their `Content-ID`.
pub(crate) type Embedded = HashMap<String, String>;

/// Beyond these, reading HTML as a browser does takes too long, or is meant to.
const OCTETS_AT_MOST: usize = 2 * 1024 * 1024;
const DEPTH_AT_MOST: usize = 256;

/// What mails are laid out with. Nothing here loads anything or covers what is outside of its place.
const STYLES: [&str; 44] = [
    "background-color",
    "border",
    "border-bottom",
    "border-collapse",
    "border-color",
    "border-left",
    "border-radius",
    "border-right",
    "border-spacing",
    "border-style",
    "border-top",
    "border-width",
    "box-sizing",
    "color",
    "direction",
    "display",
    "float",
    "font",
    "font-family",
    "font-size",
    "font-style",
    "font-weight",
    "height",
    "letter-spacing",
    "line-height",
    "list-style-type",
    "margin",
    "margin-bottom",
    "margin-left",
    "margin-right",
    "margin-top",
    "max-width",
    "min-width",
    "padding",
    "padding-bottom",
    "padding-left",
    "padding-right",
    "padding-top",
    "text-align",
    "text-decoration",
    "text-transform",
    "vertical-align",
    "white-space",
    "width",
];

/// By these a style could load something, or hide that it does.
const LOADING: [&str; 5] = ["url", "image", "expression", "@", "\\"];

/// The HTML without anything that runs, loads, sends or leads away. None if it is too large or too deeply nested.
///
/// Pictures that hang on the mail itself are got from `embedded`, by their `Content-ID`.
pub(crate) fn sanitise(html: &str, embedded: Embedded) -> Option<String> {
    if html.len() > OCTETS_AT_MOST || depth(html) > DEPTH_AT_MOST {
        return None;
    }
    Some(builder(embedded).clean(html).to_string())
}

fn builder(embedded: Embedded) -> Builder<'static> {
    let mut builder = Builder::default();
    builder
        .add_tags(["center", "font"])
        .add_clean_content_tags(["title", "template"])
        .add_generic_attributes(["align", "bgcolor", "dir", "height", "style", "valign", "width"])
        .add_tag_attributes("font", ["color", "face", "size"])
        .add_tag_attributes("table", ["border", "cellpadding", "cellspacing"])
        .filter_style_properties(HashSet::from(STYLES))
        .url_schemes(HashSet::from(["http", "https", "mailto", "tel", "data", "cid"]))
        .url_relative(UrlRelative::Deny)
        .set_tag_attribute_value("a", "target", "_blank")
        .attribute_filter(move |tag, attribute, value| match content_id(value) {
            Some(id) if (tag, attribute) == ("img", "src") => Some(embedded.get(&*id)?.clone().into()),
            Some(_) => None,
            None => permitted(tag, attribute, value),
        });
    builder
}

/// The id in `cid:…` (RFC 2392).
fn content_id(value: &str) -> Option<Cow<'_, str>> {
    let (scheme, id) = value.trim().split_once(':')?;
    scheme.eq_ignore_ascii_case("cid").then(|| percent_decode_str(id).decode_utf8_lossy())
}

/// Pictures come with the mail or not at all; links lead to pages.
fn permitted<'a>(tag: &str, attribute: &str, value: &'a str) -> Option<Cow<'a, str>> {
    let start = value.trim_start().get(..11).unwrap_or_default().to_ascii_lowercase();
    let is_data = value.trim_start().get(..5).is_some_and(|start| start.eq_ignore_ascii_case("data:"));
    let allowed = match (tag, attribute) {
        ("img", "src") => start == "data:image/" && !value.to_ascii_lowercase().contains("svg"),
        (_, "style") => !LOADING.iter().any(|trace| value.to_ascii_lowercase().contains(trace)),
        _ => !is_data,
    };
    allowed.then(|| value.into())
}

/// How deeply elements are nested at most, those left out that end by themselves.
fn depth(html: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for (start, end) in tags(html) {
        let (name, closes) = name(&html[start..end]);
        if ends_by_itself(&name) {
            continue;
        }
        depth = if closes { depth.saturating_sub(1) } else { depth + 1 };
        deepest = deepest.max(depth);
    }
    deepest
}

fn ends_by_itself(name: &str) -> bool {
    matches!(
        name,
        "" | "area"
            | "base"
            | "br"
            | "col"
            | "dd"
            | "dt"
            | "embed"
            | "hr"
            | "img"
            | "input"
            | "li"
            | "link"
            | "meta"
            | "option"
            | "p"
            | "source"
            | "td"
            | "th"
            | "tr"
            | "wbr"
    )
}

#[cfg(test)]
mod tests {
    use super::Embedded;

    fn sanitise(html: &str) -> Option<String> {
        super::sanitise(html, Embedded::new())
    }

    #[test]
    fn layout_is_kept() {
        let mail = "<table width=\"600\" bgcolor=\"#eee\"><tbody><tr><td align=\"center\">\
                    <p style=\"color:red;font-size:12px\">Hi <b>you</b></p></td></tr></tbody></table>";
        assert_eq!(sanitise(mail).unwrap(), mail);
        let link = sanitise("<a href=\"https://example.com/\">x</a>").unwrap();
        assert_eq!(
            link,
            "<a href=\"https://example.com/\" target=\"_blank\" rel=\"noopener noreferrer\">x</a>"
        );
        let coloured = "<p style=\"color:rgb(10, 20, 30)\">x</p>";
        assert_eq!(sanitise(coloured).unwrap(), coloured);
        let picture = "<img src=\"data:image/png;base64,iVBORw0K\" alt=\"logo\">";
        assert_eq!(sanitise(picture).unwrap(), picture);
    }

    #[test]
    fn a_picture_of_the_mail_itself_is_shown_and_leads_nowhere() {
        let data = "data:image/png;base64,iVBORw0K";
        let embedded = || Embedded::from([("logo 1@x".to_owned(), data.to_owned())]);
        let shown = super::sanitise("<img src=\"CID:logo%201@x\" alt=\"Logo\">", embedded()).unwrap();
        assert_eq!(shown, format!("<img src=\"{data}\" alt=\"Logo\">"));
        for other in ["<img src=\"cid:else@x\">", "<a href=\"cid:logo 1@x\">x</a>"] {
            let clean = super::sanitise(other, embedded()).unwrap();
            assert!(!clean.contains("cid") && !clean.contains("data:"), "{clean}");
        }
    }

    #[test]
    fn what_runs_loads_sends_or_leads_away_is_gone() {
        for hostile in [
            "<script>alert(1)</script>",
            "<scr<script>ipt>alert(1)</scr</script>ipt>",
            "<img src=x onerror=alert(1)>",
            "<svg onload=alert(1)><script>alert(1)</script></svg>",
            "<svg><style><img src=x onerror=alert(1)></style></svg>",
            "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=x onerror=alert(1)&gt;\">",
            "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
            "<a href=\"javascript:alert(1)\">x</a>",
            "<a href=\" java\tscript:alert(1)\">x</a>",
            "<a href=\"data:text/html,<script>alert(1)</script>\">x</a>",
            "<iframe src=\"https://evil.example\"></iframe>",
            "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>",
            "<object data=\"https://evil.example\"></object><embed src=\"https://evil.example\">",
            "<form action=\"https://evil.example\"><button formaction=\"javascript:alert(1)\">x</button></form>",
            "<meta http-equiv=\"refresh\" content=\"0;url=https://evil.example\">",
            "<base href=\"https://evil.example/\"><a href=\"x\">x</a>",
            "<link rel=\"stylesheet\" href=\"https://evil.example\">",
            "<style>@import url(https://evil.example);</style>",
            "<p style=\"background-color: url(https://evil.example)\">x</p>",
            "<p style=\"background-image: url(https://evil.example); position: fixed\">x</p>",
            "<p style=\"color: \\75rl(https://evil.example)\">x</p>",
            "<img src=\"https://evil.example/pixel.gif\">",
            "<img srcset=\"https://evil.example/pixel.gif\">",
            "<img src=\"data:image/svg+xml,<svg onload=alert(1)>\">",
            "<video poster=\"https://evil.example\"><source src=\"https://evil.example\"></video>",
            "<table background=\"https://evil.example\"><tr><td>x</td></tr></table>",
            "<input type=image src=\"https://evil.example\">",
            "<template><script>alert(1)</script></template>",
        ] {
            let clean = sanitise(hostile).unwrap().to_lowercase();
            for trace in
                ["evil", "<script", "<img src=x", "javascript:", "position", "srcdoc", "<style", "<form"]
            {
                assert!(!clean.contains(trace), "{hostile} leaves {trace}: {clean}");
            }
            assert!(!clean.contains(" on") && !clean.contains("data:"), "{hostile}: {clean}");
        }
    }

    #[test]
    fn what_would_take_too_long_is_refused() {
        assert_eq!(sanitise(&"<div>".repeat(100_000)), None);
        assert_eq!(sanitise(&"<b id=x>".repeat(300)), None);
        assert_eq!(sanitise(&"x".repeat(3 * 1024 * 1024)), None);
        assert!(sanitise(&"<p>one<li>two<br>".repeat(1000)).is_some());
    }
}
