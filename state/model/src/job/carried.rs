use std::sync::Arc;

/// Options that are kept, shown and handed on, and that no decision depends on.
///
/// A job sets few of the many, so only those that are set take room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    texts: Vec<(TextOption, Arc<str>)>,
    numbers: Vec<(NumberOption, u64)>,
}

impl Carried {
    /// A text, if it was set.
    pub fn text(&self, option: TextOption) -> Option<&Arc<str>> {
        let place = self.texts.binary_search_by_key(&option, |(o, _)| *o).ok()?;
        Some(&self.texts[place].1)
    }

    /// A number, if it was set.
    pub fn number(&self, option: NumberOption) -> Option<u64> {
        let place = self.numbers.binary_search_by_key(&option, |(o, _)| *o).ok()?;
        Some(self.numbers[place].1)
    }

    /// Sets a text, or takes it away.
    pub fn set_text(&mut self, option: TextOption, text: Option<Arc<str>>) {
        set(&mut self.texts, option, text);
    }

    /// Sets a number, or takes it away.
    pub fn set_number(&mut self, option: NumberOption, number: Option<u64>) {
        set(&mut self.numbers, option, number);
    }

    /// Takes the other's copy of each text that both have.
    pub(super) fn share_texts(&mut self, other: &Self) {
        for (option, text) in &mut self.texts {
            if let Some(known) = other.text(*option) {
                share(text, known);
            }
        }
    }

    /// All texts that are set.
    pub fn texts(&self) -> &[(TextOption, Arc<str>)] {
        &self.texts
    }

    /// All numbers that are set.
    pub fn numbers(&self) -> &[(NumberOption, u64)] {
        &self.numbers
    }
}

/// Takes another copy of a text if it is equal.
pub(super) fn share(text: &mut Arc<str>, known: &Arc<str>) {
    if text == known {
        *text = Arc::clone(known);
    }
}

fn set<K: Ord + Copy, V>(options: &mut Vec<(K, V)>, option: K, value: Option<V>) {
    match (options.binary_search_by_key(&option, |(o, _)| *o), value) {
        (Ok(place), Some(value)) => options[place].1 = value,
        (Ok(place), None) => drop(options.remove(place)),
        (Err(place), Some(value)) => {
            // Most jobs set a handful and never another: room for one more is enough.
            options.reserve_exact(1);
            options.insert(place, (option, value));
        }
        (Err(_), None) => {}
    }
}

macro_rules! options {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $number:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        #[expect(missing_docs, reason = "the names are those of Slurm's job description")]
        pub enum $name { $($variant = $number,)* }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The number that the store keeps it under: never given to another.
            pub fn tag(self) -> u32 {
                self as u32
            }

            /// The option that the store kept under a number.
            pub fn from_tag(tag: u32) -> Option<Self> {
                Self::ALL.iter().copied().find(|option| option.tag() == tag)
            }
        }
    };
}

options! {
    /// Texts of a job description that no decision depends on. slurm.h's `job_desc_msg_t` says what
    /// each means.
    TextOption {
        Account = 1,
        AcctgFreq = 2,
        AdminComment = 3,
        AllocNode = 4,
        BatchFeatures = 5,
        BurstBuffer = 6,
        ClusterFeatures = 7,
        Clusters = 8,
        Comment = 9,
        Command = 10,
        Container = 11,
        ContainerId = 12,
        ContainerType = 13,
        CpuBind = 14,
        CpusPerTres = 15,
        Cronspec = 16,
        Extra = 17,
        JobSizeText = 18,
        LicensesText = 19,
        MailUser = 20,
        McsLabel = 21,
        MemBind = 22,
        MemPerTres = 23,
        Network = 24,
        OriginCluster = 25,
        Prefer = 26,
        Qos = 27,
        ReqContext = 28,
        Reservation = 29,
        RespHost = 30,
        StdErr = 31,
        StdIn = 32,
        StdOut = 33,
        SubmitLine = 34,
        SystemComment = 35,
        TresBind = 36,
        TresFreq = 37,
        TresPerJob = 38,
        TresPerNode = 39,
        TresPerSocket = 40,
        TresPerTask = 41,
        Wckey = 42,
        WorkDir = 43,
        X11MagicCookie = 44,
        X11Target = 45,
        UserName = 46,
        GroupName = 47,
        HomeDir = 48,
        Shell = 49,
        AllocTlsCert = 50,
        DependencyText = 51,
    }
}

options! {
    /// Numbers of a job description that no decision depends on.
    NumberOption {
        AllocRespPort = 1,
        AllocSid = 2,
        Bitflags = 3,
        BoardsPerNode = 4,
        CpuBindType = 5,
        CpuFreqGov = 6,
        CpuFreqMax = 7,
        CpuFreqMin = 8,
        DelayBoot = 9,
        FedSiblingsActive = 10,
        FedSiblingsViable = 11,
        MailType = 12,
        MemBindType = 13,
        MemUpdateDelay = 14,
        MemUpdateMargin = 15,
        NtasksPerTres = 16,
        OomKillStep = 17,
        OpenMode = 18,
        OtherPort = 19,
        PlaneSize = 20,
        Profile = 21,
        Reboot = 22,
        ReqSwitch = 23,
        ResvPortCount = 24,
        SegmentSize = 25,
        SiteFactor = 26,
        SocketsPerBoard = 27,
        TaskDist = 28,
        Wait4Switch = 29,
        WaitAllNodes = 30,
        X11 = 31,
        X11TargetPort = 32,
        KillOnInvalidDependency = 33,
    }
}

#[cfg(test)]
mod tests {
    use super::{Carried, NumberOption, TextOption};

    #[test]
    fn what_is_set_is_found_and_what_is_taken_away_is_not() {
        let mut carried = Carried::default();
        carried.set_text(TextOption::Comment, Some("late".into()));
        carried.set_text(TextOption::Account, Some("physics".into()));
        carried.set_text(TextOption::Comment, Some("early".into()));
        assert_eq!(carried.text(TextOption::Comment).map(|t| &**t), Some("early"));
        carried.set_text(TextOption::Comment, None);
        assert_eq!(carried.text(TextOption::Comment), None);
        assert_eq!(carried.texts().len(), 1);
    }

    #[test]
    fn every_option_has_a_number_of_its_own() {
        for option in TextOption::ALL {
            assert_eq!(TextOption::from_tag(option.tag()), Some(*option));
        }
        for option in NumberOption::ALL {
            assert_eq!(NumberOption::from_tag(option.tag()), Some(*option));
        }
    }
}
