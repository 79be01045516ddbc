//! Variables of an environment as programs get it: entries of `NAME=value`.

use std::fmt::Display;

/// Sets a variable in its place if it is there, at the end if not.
pub fn set(environment: &mut Vec<String>, name: &str, value: &dyn Display) {
    let is_it =
        |entry: &&mut String| entry.strip_prefix(name).is_some_and(|rest| rest.starts_with('='));
    let entry = format!("{name}={value}");
    match environment.iter_mut().find(is_it) {
        Some(known) => *known = entry,
        None => environment.push(entry),
    }
}

/// Numbers, equal neighbours written once: `2(x3),1`.
pub fn runs(numbers: impl Iterator<Item = u32>) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((known, times)) if *known == number => *times += 1,
            _ => runs.push((number, 1)),
        }
    }
    let run = |(number, times): &(u32, u32)| match times {
        1 => number.to_string(),
        _ => format!("{number}(x{times})"),
    };
    runs.iter().map(run).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::{runs, set};

    #[test]
    fn a_variable_is_replaced_in_its_place_and_not_mistaken_for_a_longer_one() {
        let mut environment = vec!["AB=1".to_owned(), "A=2".to_owned()];
        set(&mut environment, "A", &3);
        set(&mut environment, "C", &4);
        assert_eq!(environment, ["AB=1", "A=3", "C=4"]);
    }

    #[test]
    fn equal_neighbours_are_written_once() {
        assert_eq!(runs([4, 4, 1, 4].into_iter()), "4(x2),1,4");
        assert_eq!(runs(std::iter::empty()), "");
    }
}
