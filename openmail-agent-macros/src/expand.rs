use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ReturnType;
use syn::ext::IdentExt;
use syn::spanned::Spanned;

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
    let declaration = declaration(&function, &body);
    let errors = mistakes.into_compile_errors();
    quote!(#item #declaration #errors)
}

fn declaration(function: &Function, body: &TokenStream) -> TokenStream {
    let Function { visibility, signature, .. } = function;
    let name = &signature.ident;
    let conditions: Vec<_> = function.conditions().collect();
    quote! {
        #(#conditions)*
        #[doc(hidden)]
        #[allow(non_camel_case_types, unreachable_pub)]
        #visibility struct #name {}

        #(#conditions)*
        #[automatically_derived]
        impl ::openmail_agent::__private::DeclaredHandler for #name {
            fn route() -> ::openmail_agent::__private::Route {
                #body
            }
        }
    }
}

fn route(function: &Function, settings: &Settings) -> TokenStream {
    let assertions = assertions(function);
    let handler = &function.signature.ident;
    let name = handler.unraw().to_string();
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
        quote!(.timeout(::openmail_agent::__private::Duration::new(#seconds, #nanoseconds)))
    });
    let retries = settings.retries.map(|retries| quote!(.retries(#retries)));
    let concurrency = settings.concurrency.map(|most| quote!(.concurrency(#most)));
    quote! {
        #assertions
        ::openmail_agent::__private::Route::new(#name, #handler)
            #description #(#texts)* #fallback #timeout #retries #concurrency
    }
}

fn calls(method: &str, texts: &Texts) -> TokenStream {
    let method = format_ident!("{method}");
    let values = &texts.values;
    quote!(#(.#method(#values))*)
}

/// Says of each argument, of the result and of the future what they must be, so that a mistake is shown where it is.
fn assertions(function: &Function) -> TokenStream {
    let arguments = function
        .arguments()
        .map(|ty| quote_spanned!(ty.span()=> ::openmail_agent::__private::assert_argument::<#ty>();));
    let result = match &function.signature.output {
        ReturnType::Default => None,
        ReturnType::Type(_, ty) => {
            Some(quote_spanned!(ty.span()=> ::openmail_agent::__private::assert_result::<#ty>();))
        }
    };
    let handler = &function.signature.ident;
    let types = function.arguments();
    let names: Vec<_> =
        (0..function.signature.inputs.len()).map(|at| format_ident!("argument_{at}")).collect();
    let future = quote_spanned! {handler.span()=>
        let _ = |#(#names: #types),*| ::openmail_agent::__private::assert_send(#handler(#(#names),*));
    };
    quote!(#(#arguments)* #result #future)
}
