//! Lists of addresses: both ways of reading agree, and what is written is read again as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openmail_agent::model::Address;

fuzz_target!(|text: &str| {
    let lossy = Address::parse_list_lossy(text);
    let parts = |one: &Address| (one.name().map(str::to_owned), one.as_str().to_owned());
    if let Ok(list) = Address::parse_list(text) {
        assert_eq!(list.iter().map(parts).collect::<Vec<_>>(), lossy.iter().map(parts).collect::<Vec<_>>());
    }
    for address in lossy {
        assert!(!address.local_part().is_empty() && !address.domain().is_empty());
        let mailbox: Address = address.to_string().parse().expect("a mailbox that was read can be read again");
        assert_eq!(mailbox.as_str(), address.as_str());
    }
});
