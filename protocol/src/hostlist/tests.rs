use proptest::prelude::*;

use super::{Hostlist, HostlistError, NAMES_MAX};

/// Expression, ranged, sorted: as `scontrol show hostlist` and `hostlistsorted` of 24.11.5
/// print them.
const STOCK: &[(&str, &str, &str)] = &[
    (
        "n[1-4,07-09],gpu3,rack[1-2]n[1-3]",
        "n[1-4,07-09],gpu3,rack1n[1-3],rack2n[1-3]",
        "gpu3,n[1-4,07-09],rack1n[1-3],rack2n[1-3]",
    ),
    ("n3,n1,n2", "n[3,1-2]", "n[1-3]"),
    ("n1,n2,n3,n5,x", "n[1-3,5],x", "n[1-3,5],x"),
    ("n9,n10,n11", "n[9-11]", "n[9-11]"),
    ("n09,n10,n11", "n[09-11]", "n[09-11]"),
    ("n[08-11]", "n[08-11]", "n[08-11]"),
    ("n[1-3]x", "n1x,n2x,n3x", "n1x,n2x,n3x"),
    ("n[1-2]x[4-5]y", "n1x4y,n1x5y,n2x4y,n2x5y", "n1x4y,n1x5y,n2x4y,n2x5y"),
    ("a[1-2]b[1-2],a[3]b[1-2]", "a1b[1-2],a2b[1-2],a3b[1-2]", "a1b[1-2],a2b[1-2],a3b[1-2]"),
    ("[1-3]", "[1-3]", "[1-3]"),
    ("1,2,3", "[1-3]", "[1-3]"),
    ("n1,n1,n2", "n[1,1-2]", "n[1,1-2]"),
    ("n[2,1]", "n[2,1]", "n[1-2]"),
    ("n[1-2],m[1-2],n[3-4]", "n[1-2],m[1-2],n[3-4]", "m[1-2],n[1-4]"),
    ("n 1", "n,1", "1,n"),
    ("n1\tn2", "n[1-2]", "n[1-2]"),
    ("n1,,n2", "n[1-2]", "n[1-2]"),
    ("", "", ""),
    ("n[0-65535]", "n[0-65535]", "n[0-65535]"),
    ("a[1]b[1]c[1]d[1]e[1]f[1]", "a1b1c1d1e1f1", "a1b1c1d1e1f1"),
    ("n[1-2]-[1-2]", "n1-[1-2],n2-[1-2]", "n1-[1-2],n2-[1-2]"),
    ("n1-2", "n1-2", "n1-2"),
    ("n[1,3-4]z,n5z", "n1z,n3z,n4z,n5z", "n1z,n3z,n4z,n5z"),
    ("a0b0,a0b1,a1b0,a1b1", "a0b[0-1],a1b[0-1]", "a0b[0-1],a1b[0-1]"),
    ("n[001-003,4]", "n[001-003,4]", "n[4,001-003]"),
    ("n[0-3],n[00-03]", "n[0-3,00-03]", "n[0-3,00-03]"),
    ("n-1,n-2", "n-[1-2]", "n-[1-2]"),
    ("lone,lone", "lone,lone", "lone,lone"),
    (
        "tux[1-3]tail,tux[1-3]",
        "tux1tail,tux2tail,tux3tail,tux[1-3]",
        "tux[1-3],tux1tail,tux2tail,tux3tail",
    ),
    ("n[1-2][3-4]", "n1[3-4],n2[3-4]", "n1[3-4],n2[3-4]"),
    ("n[1-]", "n1", "n1"),
    ("n[1-2]x5", "n1x5,n2x5", "n1x5,n2x5"),
    ("a[1-3],a[2-4]", "a[1-3,2-4]", "a[1-2,2-3,3-4]"),
    ("a10b1,a9b1,a09b2,B1,b1", "a10b1,a9b1,a09b2,B1,b1", "B1,a09b2,a9b1,a10b1,b1"),
    ("x[10],x[9],x[010],x[1-3],x", "x[10,9,010,1-3],x", "x,x[1-3,9-10,010]"),
    ("{n1}", "{n1}", "{n1}"),
];

#[test]
fn prints_what_stock_scontrol_prints() {
    for (text, ranged, sorted) in STOCK {
        let list = Hostlist::parse(text).unwrap();
        assert_eq!(list.ranged(), *ranged, "{text}");
        assert_eq!(list.sorted().ranged(), *sorted, "{text}");
        assert_eq!(list.len(), list.names().len(), "{text}");
    }
}

#[test]
fn names_keep_their_zeros_and_their_order() {
    let list = Hostlist::parse("n[9-10,07-08]x,a[08-10]").unwrap();
    assert_eq!(list.names(), ["n9x", "n10x", "n07x", "n08x", "a08", "a09", "a10"]);
    assert!(list.contains("a08") && list.contains("n07x") && list.contains("a10"));
    assert!(!list.contains("a8") && !list.contains("a11") && !list.contains("a"));
}

#[test]
fn faults_are_named() {
    let fault = |text: &str| Hostlist::parse(text).unwrap_err();
    assert_eq!(fault("n[1-3"), HostlistError::Unclosed { at: 1 });
    assert_eq!(fault("n[3-1]"), HostlistError::Descending { lo: 3, hi: 1 });
    assert_eq!(fault("a,n[]"), HostlistError::BadRange { at: 4, got: String::new() });
    assert_eq!(fault("n[1,a-c]"), HostlistError::BadRange { at: 4, got: "a-c".into() });
    assert_eq!(fault("n[-1]"), HostlistError::BadRange { at: 2, got: "-1".into() });
    assert_eq!(fault("n[1-2]]"), HostlistError::Unexpected { at: 6, found: ']' });
    assert_eq!(fault("n]1"), HostlistError::Unexpected { at: 1, found: ']' });
    assert!(matches!(fault("n[1-70000]"), HostlistError::TooManyNames { at: 0, .. }));
    assert!(matches!(
        fault("n[1-60000],r[1-999999]s[1-999999]"),
        HostlistError::TooManyNames { at: 11, .. }
    ));
    assert!(matches!(fault("n[99999999999999999999]"), HostlistError::NumberTooLarge { .. }));
    let long = "x".repeat(300);
    assert!(matches!(fault(&long), HostlistError::NameTooLong { at: 0, bytes: 300 }));
}

#[test]
fn unique_drops_repeats() {
    let list = Hostlist::parse("n[3-5],lone,n[1-4],lone,n04").unwrap();
    assert_eq!(list.unique().ranged(), "lone,n[1-5,04]");
    // The same names, padded and not, or cut at another place.
    let list = Hostlist::parse("n[2-44],n[03-4],n[03-49],a1[2-3],a12,n[1]x5,n1x5").unwrap();
    assert_eq!(list.unique().ranged(), "a[12-13],n[2-9,03-49],n1x5");
}

fn expression() -> impl Strategy<Value = String> {
    let range = (0u32..30, 0u32..5, 1usize..4)
        .prop_map(|(lo, n, width)| format!("{lo:0width$}-{:0width$}", lo + n));
    let bracket = prop::collection::vec(range, 1..3).prop_map(|r| format!("[{}]", r.join(",")));
    let item = ("[a-c]{0,2}[0-9]{0,2}", prop::option::of(bracket), "([a-c][0-9]?)?")
        .prop_map(|(a, b, c)| format!("{a}{}{c}", b.unwrap_or_default()));
    prop::collection::vec(item, 0..6).prop_map(|items| items.join(","))
}

proptest! {
    #[test]
    fn the_ranged_form_stands_for_the_same_names(text in expression()) {
        let list = Hostlist::parse(&text).unwrap();
        let again = Hostlist::parse(&list.ranged()).unwrap();
        prop_assert_eq!(again.names(), list.names());
        let mut names = list.names();
        prop_assert!(names.iter().all(|name| list.contains(name)));
        let collected: Hostlist = names.iter().collect();
        prop_assert_eq!(collected.names(), names.clone());
        let mut sorted = list.sorted().names();
        names.sort();
        sorted.sort();
        prop_assert_eq!(&sorted, &names);
        names.dedup();
        let mut unique = list.unique().names();
        unique.sort();
        prop_assert_eq!(unique, names);
    }

    #[test]
    fn any_text_is_refused_or_bounded(text in "[n0-9,\\[\\]\\- x]{0,40}") {
        if let Ok(list) = Hostlist::parse(&text) {
            prop_assert!(list.len() <= NAMES_MAX);
        }
    }
}
