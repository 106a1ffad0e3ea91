use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{LitStr, ReturnType};

use crate::function::Function;
use crate::mistakes::Mistakes;
use crate::settings::{Settings, Texts};

/// The function as it was, and beside it, under the same name, the type that knows its route.
pub(crate) fn mail_handler(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let settings = Settings::parse(arguments, &mut mistakes);
    let Some(function) = Function::read(&item, &mut mistakes) else {
        let errors = mistakes.into_compile_errors();
        return quote!(#item #errors);
    };
    function.check(&mut mistakes);
    let body = match mistakes.is_empty() {
        true => route(&function, &settings),
        // With it in place, `handlers!` has nothing of its own to complain of.
        false => quote!(::core::unreachable!()),
    };
    // A method has no place beside it where a type could stand.
    let has_place = function.signature.receiver().is_none();
    let declaration = has_place.then(|| declaration(&function, &settings, &body));
    let errors = mistakes.into_compile_errors();
    quote!(#item #declaration #errors)
}

fn declaration(function: &Function, settings: &Settings, body: &TokenStream) -> TokenStream {
    let Function { visibility, signature, .. } = function;
    let name = &signature.ident;
    let conditions: Vec<_> = function.conditions().collect();
    let private = private(settings, Span::call_site());
    quote! {
        #(#conditions)*
        #[doc(hidden)]
        #[allow(non_camel_case_types, unreachable_pub)]
        #visibility struct #name {}

        #(#conditions)*
        #[automatically_derived]
        impl #private::DeclaredHandler for #name {
            fn route() -> #private::Route {
                #body
            }
        }
    }
}

fn route(function: &Function, settings: &Settings) -> TokenStream {
    let (assertions, new_route) = (assertions(function, settings), new_route(function, settings));
    let description = function.description().map(|text| quote!(.description(#text)));
    let texts = [
        ("inbox", &settings.inbox),
        ("external_id", &settings.external_id),
        ("pod", &settings.pod),
        ("event", &settings.event),
        ("from", &settings.from),
        ("subject", &settings.subject),
    ];
    let texts = texts.into_iter().map(|(method, texts)| calls(method, texts));
    let fallback = settings.fallback.map(|_| quote!(.fallback()));
    let timeout = settings.timeout.map(|timeout| {
        let (seconds, nanoseconds) = (timeout.as_secs(), timeout.subsec_nanos());
        let private = private(settings, Span::call_site());
        quote!(.timeout(#private::Duration::new(#seconds, #nanoseconds)))
    });
    let retries = settings.retries.map(|retries| quote!(.retries(#retries)));
    let concurrency = settings.concurrency.map(|most| quote!(.concurrency(#most)));
    quote! {
        #assertions
        #new_route #description #(#texts)* #fallback #timeout #retries #concurrency
    }
}

fn calls(method: &str, texts: &Texts) -> TokenStream {
    let method = format_ident!("{method}");
    let values = &texts.values;
    quote!(#(.#method(#values))*)
}

/// Makes the route where a result that does not fit is to be reported: on the result.
fn new_route(function: &Function, settings: &Settings) -> TokenStream {
    let handler = &function.signature.ident;
    let name = settings.name.as_ref().map_or_else(|| handler.unraw().to_string(), LitStr::value);
    let place = match &function.signature.output {
        ReturnType::Type(_, ty) => ty.span().resolved_at(handler.span()),
        ReturnType::Default => handler.span(),
    };
    // Spelling the arguments out leaves the compiler no choice, so that it names the one thing that does not fit.
    let arguments = function.arguments();
    let private = private(settings, place);
    quote_spanned! {place=>
        #private::Route::new::<_, (#(#arguments,)*)>(#name, #handler)
    }
}

/// Says of each argument what it must be, so that one that does not fit is reported where it is.
fn assertions(function: &Function, settings: &Settings) -> TokenStream {
    let assertions = function.arguments().map(|ty| {
        let private = private(settings, ty.span());
        quote_spanned!(ty.span()=> #private::assert_argument::<#ty>();)
    });
    quote!(#(#assertions)*)
}

/// What the attribute writes refers to this module of the crate, wherever that is.
fn private(settings: &Settings, place: Span) -> TokenStream {
    match &settings.krate {
        Some(krate) => quote_spanned!(place=> #krate::__private),
        None => quote_spanned!(place=> ::openmail_agent::__private),
    }
}
