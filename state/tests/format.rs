//! The fields of the records and the number of the format change together.
//!
//! `testdata/records.txt` has every field and every choice that the format named in its first line knows. Whoever alters
//! `proto/` raises `FORMAT_MINOR` or `FORMAT_MAJOR`, as the table of `src/format.rs` says, and then runs
//! `UPDATE=1 cargo test -p state --test format`.

#![allow(clippy::unwrap_used, reason = "a test, helpers and all")]

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;

use protox::prost_reflect::{DescriptorPool, EnumDescriptor, FieldDescriptor, MessageDescriptor};
use state::{FORMAT_MAJOR, FORMAT_MINOR};

const TODAY: (u32, u32) = (FORMAT_MAJOR, FORMAT_MINOR);

/// A format's number and its lines, each a field, a choice, or a number that must not be used again.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listing {
    format: (u32, u32),
    lines: BTreeSet<String>,
}

impl Listing {
    fn of_proto() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
        let mut files: Vec<String> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let set = protox::compile(files, [folder]).unwrap();
        let pool = DescriptorPool::from_file_descriptor_set(set).unwrap();
        let mut lines = BTreeSet::new();
        pool.all_messages().for_each(|message| list_message(&mut lines, &message));
        pool.all_enums().for_each(|choice| list_enum(&mut lines, &choice));
        Self { format: TODAY, lines }
    }

    fn parse(text: &str) -> Self {
        let (first, rest) = text.split_once('\n').unwrap();
        let (major, minor) = first.strip_prefix("format ").unwrap().split_once('.').unwrap();
        let format = (major.parse().unwrap(), minor.parse().unwrap());
        Self { format, lines: rest.lines().map(str::to_owned).collect() }
    }

    fn text(&self) -> String {
        let lines: String = self.lines.iter().map(|line| format!("{line}\n")).collect();
        format!("format {}.{}\n{lines}", self.format.0, self.format.1)
    }

    /// What is wrong with the number of `now`, if this is what was before it.
    fn fault_of(&self, now: &Self) -> Option<String> {
        let added: Vec<&String> = now.lines.difference(&self.lines).collect();
        let gone: Vec<&String> = self.lines.difference(&now.lines).collect();
        let reserved = |line: &&&String| {
            let (name, rest) = line.split_once(" = ").unwrap();
            let number = rest.split(' ').next().unwrap();
            let record = name.rsplit_once('.').map_or(name, |(record, _)| record);
            now.lines.contains(&format!("{record} reserves {number}"))
        };
        let reused = gone.iter().filter(|line| line.contains(" = ")).find(|line| !reserved(line));
        if (&added, &gone) == (&Vec::new(), &Vec::new()) {
            return (self.format != now.format)
                .then(|| format!("{:?} became {:?} for no change", self.format, now.format));
        }
        match reused {
            Some(line) if now.format.0 <= self.format.0 => Some(format!(
                "`{line}` is altered or gone without a `reserved` line: that takes a new major format"
            )),
            _ if now.format <= self.format => Some(format!(
                "the format must be raised above {:?} for {added:?} (new), {gone:?} (gone)",
                self.format
            )),
            _ => None,
        }
    }
}

fn list_message(lines: &mut BTreeSet<String>, message: &MessageDescriptor) {
    let record = message.name();
    lines.extend(message.fields().map(|field| field_line(record, &field)));
    let reserved = message.reserved_ranges().flatten();
    lines.extend(reserved.map(|number| format!("{record} reserves {number}")));
}

fn field_line(record: &str, field: &FieldDescriptor) -> String {
    let oneof = field.containing_oneof().filter(|oneof| !oneof.is_synthetic());
    let manner = match oneof {
        Some(oneof) => format!("one of {} ", oneof.name()),
        None if field.is_list() => "repeated ".to_owned(),
        None if field.supports_presence() => "optional ".to_owned(),
        None => String::new(),
    };
    format!("{record}.{} = {} {manner}{:?}", field.name(), field.number(), field.kind())
}

fn list_enum(lines: &mut BTreeSet<String>, choice: &EnumDescriptor) {
    let name = choice.name();
    lines.extend(
        choice.values().map(|value| format!("{name}.{} = {} choice", value.name(), value.number())),
    );
    let reserved = choice.reserved_ranges().flatten();
    lines.extend(reserved.map(|number| format!("{name} reserves {number}")));
}

#[test]
fn records_change_only_with_the_number_of_the_format() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/records.txt");
    let now = Listing::of_proto();
    let before = Listing::parse(&fs::read_to_string(&file).unwrap());
    assert_eq!(before.fault_of(&now), None);
    if env::var_os("UPDATE").is_some() {
        fs::write(&file, now.text()).unwrap();
    } else {
        assert!(before == now, "the number is raised: UPDATE=1 stores the new records");
    }
}

#[test]
fn a_change_without_a_raise_is_seen() {
    let listing = |format, lines: &[&str]| Listing {
        format,
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
    };
    let before = listing((1, 4), &["Job.id = 1 uint32", "Job.owner = 2 uint32"]);
    let added = ["Job.id = 1 uint32", "Job.owner = 2 uint32", "Job.group = 3 uint32"];
    let dropped = ["Job.id = 1 uint32", "Job reserves 2"];
    let retyped = ["Job.id = 1 string", "Job.owner = 2 uint32"];
    for (format, lines, is_right) in [
        ((1, 4), &added[..], false),
        ((1, 3), &added[..], false),
        ((1, 5), &added[..], true),
        ((1, 4), &dropped[..], false),
        ((1, 5), &dropped[..], true),
        ((1, 5), &retyped[..], false),
        ((2, 0), &retyped[..], true),
        ((1, 5), &added[..2], false),
        ((1, 4), &added[..2], true),
    ] {
        let fault = before.fault_of(&listing(format, lines));
        assert_eq!(fault.is_none(), is_right, "{format:?} {lines:?}: {fault:?}");
    }
    assert_eq!(Listing::parse(&before.text()), before);
}
