use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Expr, FnArg, Lit, Meta, Safety, Signature, Type, Visibility};

use crate::mistakes::Mistakes;

/// How many arguments a handler may have: `Handler` is implemented for no more.
const MOST_ARGUMENTS: usize = 12;

/// The function under the attribute, its body left unread.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let signature = input.parse()?;
        // The body may be half written: it is the compiler's business, so that completion works in it.
        input.parse::<TokenStream>()?;
        Ok(Self { attributes, visibility, signature })
    }
}

impl Function {
    /// Reads the item, unless it is no function.
    pub(crate) fn read(item: &TokenStream, mistakes: &mut Mistakes) -> Option<Self> {
        match syn::parse2(item.clone()) {
            Ok(function) => Some(function),
            Err(error) => {
                let has_fn = item.clone().into_iter().any(|token| is_word(&token, "fn"));
                match has_fn {
                    true => mistakes.push(error),
                    false => mistakes.on(first_word(item), "`#[mail_handler]` goes on an `async fn`"),
                }
                None
            }
        }
    }

    /// The first paragraph of the documentation, in one line.
    pub(crate) fn description(&self) -> Option<String> {
        let lines = self.attributes.iter().filter_map(doc_line);
        let text: Vec<String> = lines.collect();
        let text = text.join("\n");
        let paragraph = text.lines().map(str::trim).skip_while(|line| line.is_empty());
        let words: Vec<&str> = paragraph.take_while(|line| !line.is_empty()).collect();
        (!words.is_empty()).then(|| words.join(" "))
    }

    /// The conditions under which the function exists.
    pub(crate) fn conditions(&self) -> impl Iterator<Item = &Attribute> {
        self.attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"))
    }

    /// The types of the arguments.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &Type> {
        self.signature.inputs.iter().filter_map(|argument| match argument {
            FnArg::Typed(typed) => Some(&*typed.ty),
            FnArg::Receiver(_) => None,
        })
    }

    /// Finds what keeps the function from being a handler, as far as its text shows it.
    pub(crate) fn check(&self, mistakes: &mut Mistakes) {
        let signature = &self.signature;
        if signature.asyncness.is_none() {
            mistakes.on(signature.fn_token, "a mail handler is async: write `async fn`");
        }
        if let Some(token) = &signature.constness {
            mistakes.on(token, "a mail handler cannot be `const`: remove it");
        }
        if !matches!(signature.safety, Safety::Default) {
            mistakes.on(
                &signature.safety,
                "a mail handler is called by the runtime, so it cannot be `unsafe` or `safe`: remove it",
            );
        }
        if let Some(abi) = &signature.abi {
            mistakes.on(abi, "a mail handler cannot be `extern`: remove it");
        }
        if !signature.generics.params.is_empty() {
            mistakes.on(
                &signature.generics,
                "a mail handler cannot be generic: write the types that it is for, or call a generic function from it",
            );
        } else if let Some(clause) = &signature.generics.where_clause {
            mistakes.on(clause, "a mail handler cannot be generic, so it needs no `where`: remove it");
        }
        self.check_arguments(mistakes);
    }

    fn check_arguments(&self, mistakes: &mut Mistakes) {
        for (at, argument) in self.signature.inputs.iter().enumerate() {
            if at == MOST_ARGUMENTS {
                mistakes.on(
                    argument,
                    "a mail handler has at most twelve arguments: put several into a type of your own that implements `FromContext`",
                );
            }
            match argument {
                FnArg::Receiver(receiver) => mistakes.on(
                    receiver,
                    "a mail handler is a free function: take what `self` would hold as `State<T>`",
                ),
                FnArg::Typed(typed) => check_type(&typed.ty, mistakes),
            }
        }
    }
}

fn check_type(ty: &Type, mistakes: &mut Mistakes) {
    if let Type::Reference(reference) = ty {
        let owned = &reference.elem;
        let advice = match &**owned {
            Type::Path(path) => format!("arguments are owned: write `{}`", shown(path)),
            _ => "arguments are owned: take a type without `&`".to_owned(),
        };
        mistakes.on(ty, advice);
    } else if mentions_impl(ty.to_token_stream()) {
        mistakes.on(ty, "the runtime must know the type: write it in place of `impl ..`");
    }
}

/// A type as people write it.
fn shown(ty: impl ToTokens) -> String {
    let spaced = ty.to_token_stream().to_string();
    [" :: ", " < ", " >", " ,"]
        .iter()
        .zip(["::", "<", ">", ","])
        .fold(spaced, |text, (from, to)| text.replace(from, to))
}

fn mentions_impl(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => mentions_impl(group.stream()),
        token => is_word(&token, "impl"),
    })
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

/// Where an item says what it is, behind its attributes and its visibility.
fn first_word(item: &TokenStream) -> TokenStream {
    let kinds =
        ["struct", "enum", "union", "impl", "mod", "trait", "type", "const", "static", "use", "macro_rules"];
    let word = item.clone().into_iter().find(|token| kinds.iter().any(|kind| is_word(token, kind)));
    word.map_or_else(|| item.clone(), |word| quote!(#word))
}

fn doc_line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(doc) = &attribute.meta else { return None };
    match &doc.value {
        Expr::Lit(literal) if doc.path.is_ident("doc") => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}
