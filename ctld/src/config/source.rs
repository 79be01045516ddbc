//! Reads a file and all that it includes into lines, and hashes them on the way.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    line,
    problem::{Cause, Place, Problems},
};

/// Files may include files so deep; Slurm has no limit and dies of a circle.
const DEPTH_MAX: u32 = 32;

/// Where configuration files come from: the disk, or a test's own.
pub trait Files {
    /// The whole of one file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
}

/// The files of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}

/// Files that exist in memory only.
impl Files for BTreeMap<PathBuf, String> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let text = self.get(path).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(text.clone().into_bytes())
    }
}

/// A line that says something, and where it stands.
#[derive(Debug)]
pub(super) struct Line {
    pub place: Place,
    pub text: String,
}

/// A file with everything that it includes in its place.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub lines: Vec<Line>,
    /// The names of included files that have no `/`: these are passed on to configless nodes.
    pub includes: Vec<String>,
    /// Slurm's hash over all that was read.
    pub hash: ConfHash,
}

/// Slurm's hash of a configuration, by which slurmd and the controller notice that they read
/// different files: a 16-bit CRC (polynomial 0x1021) run in 32 bits over each raw line, comments
/// included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConfHash(pub u32);

impl ConfHash {
    /// Goes on over the bytes of a line.
    pub fn update(&mut self, line: &[u8]) {
        for &byte in line {
            // A C char is signed on the machines that Slurm's nodes are.
            let wide = i32::from(i8::from_ne_bytes([byte])) << 8;
            self.0 ^= wide.cast_unsigned();
            for _ in 0..8 {
                let carry = self.0 & 0x8000 != 0;
                self.0 <<= 1;
                if carry {
                    self.0 ^= 0x1021;
                }
            }
        }
    }
}

/// Reads `path` and what it includes.
///
/// A relative include is looked for beside `path`, whichever file includes it: Slurm names it
/// relative to slurm.conf.
pub(super) fn read(files: &dyn Files, path: &Path, problems: &mut Problems) -> Source {
    let mut reader = Reader {
        files,
        folder: path.parent().unwrap_or(Path::new("")).to_path_buf(),
        cluster: None,
        source: Source::default(),
        problems,
    };
    match files.read(path) {
        Ok(bytes) => reader.file(path, &bytes, 0),
        Err(source) => {
            let path = path.to_path_buf();
            reader.problems.error(None, Cause::Unreadable { path, source });
        }
    }
    reader.source
}

struct Reader<'a> {
    files: &'a dyn Files,
    folder: PathBuf,
    /// The cluster's name as far as it is read, for `%c`.
    cluster: Option<String>,
    source: Source,
    problems: &'a mut Problems,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path, mut bytes: &[u8], depth: u32) {
        let file: Arc<str> = path.to_string_lossy().into();
        let mut number = 1u32;
        loop {
            let hash = &mut self.source.hash;
            let Some(joined) = line::next_line(&mut bytes, |raw| hash.update(raw)) else { return };
            let place = Place { file: file.clone(), line: number };
            number = number.saturating_add(joined.lines);
            if joined.text.trim_matches(line::is_blank).is_empty() {
                continue;
            }
            match line::include(&joined.text) {
                Some((name, rest)) => {
                    if !rest.trim_matches(line::is_blank).is_empty() {
                        let text = rest.trim_end_matches(['\r', '\n']).to_owned();
                        self.problems.error(Some(&place), Cause::Leftover { text });
                    }
                    if let Err(cause) = self.include(name, depth) {
                        self.problems.error(Some(&place), cause);
                    }
                }
                None => {
                    self.note_cluster(&joined.text);
                    self.source.lines.push(Line { place, text: joined.text });
                }
            }
        }
    }

    fn include(&mut self, name: &str, depth: u32) -> Result<(), Cause> {
        let name = match (name.contains("%c"), &self.cluster) {
            (false, _) => name.to_owned(),
            (true, Some(cluster)) => name.replace("%c", cluster),
            (true, None) => return Err(Cause::IncludeWithoutCluster { path: name.to_owned() }),
        };
        if name.contains('*') {
            return Err(Cause::IncludeGlob { path: name });
        }
        if depth == DEPTH_MAX {
            return Err(Cause::IncludeTooDeep { path: name, limit: DEPTH_MAX });
        }
        let path = self.folder.join(&name);
        match self.files.read(&path) {
            Ok(bytes) => {
                self.file(&path, &bytes, depth + 1);
                if !name.contains('/') && !self.source.includes.contains(&name) {
                    self.source.includes.push(name);
                }
                Ok(())
            }
            Err(e) => Err(Cause::IncludeUnreadable { path, reason: e.to_string() }),
        }
    }

    fn note_cluster(&mut self, text: &str) {
        if let Some(pair) = line::pair(text)
            && pair.key.eq_ignore_ascii_case("ClusterName")
        {
            self.cluster = Some(pair.value.to_ascii_lowercase());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(all: &[(&str, &str)]) -> BTreeMap<PathBuf, String> {
        all.iter().map(|&(path, text)| (path.into(), text.to_owned())).collect()
    }

    fn read_all(all: &[(&str, &str)]) -> (Source, Problems) {
        let mut problems = Problems::default();
        let source = read(&files(all), Path::new("/e/slurm.conf"), &mut problems);
        (source, problems)
    }

    #[test]
    fn includes_stand_in_their_place_and_lines_keep_their_numbers() {
        let (source, problems) = read_all(&[
            ("/e/slurm.conf", "ClusterName=Big\n# c\nInclude sub/a.%c\nB=1,\\\n2\nC=3\n"),
            ("/e/sub/a.big", "X=1\ninclude b.conf\n"),
            ("/e/b.conf", "Y=2"),
        ]);
        assert!(problems.errors.is_empty(), "{problems:?}");
        let places: Vec<String> =
            source.lines.iter().map(|l| format!("{} {}", l.place, l.text.trim())).collect();
        assert_eq!(
            places,
            [
                "/e/slurm.conf:1 ClusterName=Big",
                "/e/sub/a.big:1 X=1",
                "/e/b.conf:1 Y=2",
                "/e/slurm.conf:4 B=1,2",
                "/e/slurm.conf:6 C=3",
            ]
        );
        assert_eq!(source.includes, ["b.conf"]);
    }

    #[test]
    fn bad_includes_are_named_and_the_rest_is_read() {
        let (source, problems) = read_all(&[(
            "/e/slurm.conf",
            "Include %c.conf\nInclude x.d/*.conf\nInclude no.conf\nInclude slurm.conf\nA=1\n",
        )]);
        assert!(!source.lines.is_empty());
        let texts: Vec<String> = problems.errors.iter().map(Problem::to_string).collect();
        assert!(texts[0].starts_with("/e/slurm.conf:1: Did not get ClusterName"), "{texts:?}");
        assert!(texts[1].contains("does not support glob"), "{texts:?}");
        assert!(texts[2].contains("/e/no.conf"), "{texts:?}");
        assert!(texts.iter().any(|t| t.contains("32 files deep")), "{texts:?}");
    }

    use super::super::problem::Problem;
}
