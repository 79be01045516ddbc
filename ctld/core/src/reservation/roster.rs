//! Who may use a reservation: lists of names, set and altered.

use model::{Member, Roster};

use super::request::{NameEdit, Sign};

/// A list that cannot be read: names that may and names that may not, or one that is nobody's.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// The list of a new reservation; `are_users` if each must be the name of a user.
pub(super) fn new(edits: &[NameEdit], are_users: bool) -> Result<Roster, Unreadable> {
    let denies = edits.first().is_some_and(|edit| edit.sign == Sign::Minus);
    let mixed = edits.iter().any(|edit| (edit.sign == Sign::Minus) != denies);
    let strangers = are_users && edits.iter().any(|edit| edit.user.is_none());
    if mixed || strangers || edits.is_empty() {
        return Err(Unreadable);
    }
    Ok(Roster { denies, members: edits.iter().map(member).collect() })
}

/// Alters a list: names without a sign take its place, others come in or go out (scontrol(1)).
pub(super) fn altered(
    roster: &Roster,
    edits: &[NameEdit],
    are_users: bool,
) -> Result<Roster, Unreadable> {
    if are_users && edits.iter().any(|edit| edit.user.is_none()) {
        return Err(Unreadable);
    }
    let signs = edits.iter().filter(|edit| edit.sign != Sign::None).count();
    if signs == 0 {
        return Ok(Roster { denies: false, members: edits.iter().map(member).collect() });
    }
    if signs < edits.len() {
        return Err(Unreadable);
    }
    let mut roster = roster.clone();
    let only_minus = edits.iter().all(|edit| edit.sign == Sign::Minus);
    if roster.members.is_empty() && only_minus {
        // An empty list of those who may cannot lose anybody: it is a list of those who may not.
        roster.denies = true;
    }
    // In a list of those who may not, a minus is one more.
    let comes_in = if roster.denies { Sign::Minus } else { Sign::Plus };
    for edit in edits.iter().filter(|edit| edit.sign != comes_in) {
        let at = roster.members.iter().position(|known| is_same(known, edit));
        roster.members.remove(at.ok_or(Unreadable)?);
    }
    for edit in edits.iter().filter(|edit| edit.sign == comes_in) {
        if !roster.members.iter().any(|known| is_same(known, edit)) {
            roster.members.push(member(edit));
        }
    }
    if roster.members.is_empty() {
        roster.denies = false;
    }
    Ok(roster)
}

fn member(edit: &NameEdit) -> Member {
    Member { name: edit.name.clone(), user: edit.user }
}

fn is_same(known: &Member, edit: &NameEdit) -> bool {
    match edit.user {
        Some(_) => known.user == edit.user,
        None => known.name == edit.name,
    }
}

#[cfg(test)]
mod tests {
    use model::{Roster, Uid};

    use super::{NameEdit, Sign, Unreadable, altered, new};

    fn edits(text: &str) -> Vec<NameEdit> {
        let one = |word: &str| {
            let (sign, name) = match word.split_at(1) {
                ("-", name) => (Sign::Minus, name),
                ("+", name) => (Sign::Plus, name),
                _ => (Sign::None, word),
            };
            let user = (name != "nobody").then(|| Uid(u32::from(name.as_bytes()[0])));
            NameEdit { sign, name: name.into(), user }
        };
        text.split(',').filter(|word| !word.is_empty()).map(one).collect()
    }

    fn made(text: &str) -> Roster {
        new(&edits(text), true).unwrap()
    }

    #[test]
    fn a_new_list_is_of_those_who_may_or_of_those_who_may_not() {
        assert_eq!(made("ann,bob").text().as_deref(), Some("ann,bob"));
        assert_eq!(made("-ann,-bob").text().as_deref(), Some("-ann,-bob"));
        for bad in ["ann,-bob", "-ann,bob", "nobody", ""] {
            assert_eq!(new(&edits(bad), true), Err(Unreadable), "{bad}");
        }
        assert!(new(&edits("nobody"), false).is_ok(), "an account is whatever is named");
    }

    #[test]
    fn signs_alter_a_list_and_names_without_replace_it() {
        let after = |list: &Roster, text: &str| {
            altered(list, &edits(text), true).map(|list| list.text().unwrap_or_default())
        };
        let list = made("ann,bob");
        assert_eq!(after(&list, "+cid,-ann").unwrap(), "bob,cid");
        assert_eq!(after(&list, "+ann").unwrap(), "ann,bob");
        assert_eq!(after(&list, "dan").unwrap(), "dan");
        assert_eq!(after(&list, "-cid"), Err(Unreadable));
        assert_eq!(after(&list, "-ann,cid"), Err(Unreadable));
        let denied = made("-ann");
        assert_eq!(after(&denied, "-bob").unwrap(), "-ann,-bob");
        assert_eq!(after(&denied, "+ann").unwrap(), "");
        assert_eq!(after(&Roster::default(), "-ann").unwrap(), "-ann");
    }
}
