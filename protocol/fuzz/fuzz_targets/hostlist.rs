//! A host expression is refused, or its ranged form stands for the same names; sorted, the names are
//! the same; unique, each is there once.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use protocol::Hostlist;
use protocol::hostlist::NAMES_MAX;

fuzz_target!(|text: &str| {
    let Ok(list) = Hostlist::parse(text) else { return };
    assert!(list.len() <= NAMES_MAX);
    // Long lists are slow to take apart and say nothing new.
    if list.len() > 1000 {
        return;
    }
    let names = list.names();
    assert_eq!(names.len(), list.len());
    let ranged = list.ranged();
    assert_eq!(Hostlist::parse(&ranged).map(|again| again.names()), Ok(names.clone()), "{ranged}");
    let mut sorted = list.sorted().names();
    let mut expected = names.clone();
    sorted.sort();
    expected.sort();
    assert_eq!(sorted, expected);
    let unique = list.unique().names();
    assert_eq!(unique.len(), expected.iter().collect::<BTreeSet<_>>().len());
    assert!(unique.iter().all(|name| list.contains(name)));
});
