use super::*;

fn read(lines: &[&str]) -> (Vec<PartitionLine>, Problems) {
    let mut problems = Problems::default();
    let mut partitions = PartitionLines::default();
    for (at, text) in lines.iter().enumerate() {
        let line = u32::try_from(at + 1).unwrap();
        let place = Place { file: "slurm.conf".into(), line };
        let pair = super::super::line::pair(text).unwrap();
        assert_eq!(pair.key, "PartitionName");
        partitions.read(pair.value, pair.rest, &place, &mut problems);
    }
    (partitions.lines, problems)
}

fn one(text: &str) -> (PartitionLine, Vec<String>) {
    let (mut lines, problems) = read(&[text]);
    assert!(problems.errors.is_empty(), "{text}: {problems:?}");
    (lines.remove(0), problems.warnings.iter().map(ToString::to_string).collect())
}

#[test]
fn a_bare_partition_has_stock_defaults() {
    let (p, warnings) = one("PartitionName=p");
    assert!(warnings.is_empty());
    assert_eq!(
        (p.max_time, p.default_time, p.max_nodes),
        (Limit::Unlimited, None, Limit::Unlimited)
    );
    assert_eq!((p.priority_job_factor, p.priority_tier, p.min_nodes), (1, 1, 0));
    assert_eq!((p.over_subscribe, p.state), (OverSubscribe::No, PartitionState::Up));
    assert_eq!((p.def_mem, p.disable_root_jobs, p.nodes_text), (None, None, None));
}

#[test]
fn default_lines_reach_most_keys_but_not_all() {
    let (lines, problems) = read(&[
        "PartitionName=DEFAULT MaxTime=60 Hidden=yes ExclusiveUser=yes PowerDownOnIdle=yes SuspendTime=5",
        "PartitionName=DEFAULT State=DOWN DisableRootJobs=yes",
        "PartitionName=a",
        "PartitionName=b MaxTime=1-0 Hidden=no State=UP",
    ]);
    assert!(problems.errors.is_empty(), "{problems:?}");
    let a = &lines[0];
    assert_eq!((a.max_time, a.hidden, a.state), (Limit::At(60), true, PartitionState::Down));
    // slurmctld does not look at the DEFAULT line for these.
    assert!(!a.exclusive_user && !a.power_down_on_idle);
    assert_eq!((a.disable_root_jobs, a.suspend_time), (None, None));
    let b = &lines[1];
    assert_eq!((b.max_time, b.hidden, b.state), (Limit::At(1440), false, PartitionState::Up));
}

#[test]
fn shares_are_words_with_counts() {
    let shared =
        |text: &str| one(&format!("PartitionName=p OverSubscribe={text}")).0.over_subscribe;
    assert_eq!(shared("YES").wire(), 4);
    assert_eq!(shared("yes:8").wire(), 8);
    assert_eq!(shared("FORCE").wire(), 0x8004);
    assert_eq!(shared("FORCE:1").wire(), 0x8001);
    assert_eq!(shared("EXCLUSIVE").wire(), 0);
    let (p, warnings) = one("PartitionName=p OverSubscribe=YES:1");
    assert_eq!(p.over_subscribe, OverSubscribe::No);
    assert!(warnings[0].contains("Ignoring bad OverSubscribe value: YES:1"), "{warnings:?}");
    assert_eq!(one("PartitionName=p Shared=NO").0.over_subscribe, OverSubscribe::No);
}

#[test]
fn lists_are_lowered_and_all_means_no_list() {
    let (p, warnings) = one(
        "PartitionName=p AllowAccounts=ALL AllowQos=High DenyQos=Low AllowGroups=Staff Priority=7 Nodes=\"a b\"",
    );
    assert_eq!((p.allow_accounts.as_deref(), p.allow_qos.as_deref()), (None, Some("high")));
    assert_eq!(p.allow_groups.as_deref(), Some("Staff"));
    assert_eq!((p.priority_job_factor, p.priority_tier), (7, 7));
    assert_eq!(p.nodes_text.as_deref(), Some("a,b"));
    assert!(warnings[0].contains("DenyQos will be ignored"), "{warnings:?}");
}

#[test]
fn memory_of_a_node_counts_before_that_of_a_cpu() {
    let (p, warnings) = one("PartitionName=p DefMemPerNode=100 DefMemPerCPU=10 MaxMemPerCPU=20");
    assert_eq!(p.def_mem, Some(Memory::PerNode(100)));
    assert_eq!(Memory::wire(p.max_mem), 20 | 1 << 63);
    assert!(warnings[0].contains("DefMemPerCPU ignored"), "{warnings:?}");
}

#[test]
fn exclusive_of_26_05_says_it_in_one_word() {
    let (p, _) = one("PartitionName=p Exclusive=TOPO");
    assert_eq!((p.exclusive_topo, p.over_subscribe), (true, OverSubscribe::Exclusive));
    let (p, _) = one("PartitionName=p OverSubscribe=EXCLUSIVE Exclusive=NO ExclusiveUser=YES");
    assert_eq!((p.exclusive_user, p.over_subscribe), (false, OverSubscribe::No));
}

#[test]
fn lines_that_cannot_be_used_are_errors_with_their_place() {
    let cases = [
        ("PartitionName=p MaxTime=soon", "slurm.conf:1: Bad value \"soon\" for MaxTime"),
        ("PartitionName=p State=SIDEWAYS", "slurm.conf:1: Bad value \"SIDEWAYS\" for State"),
        ("PartitionName=p OverSubscribe=MAYBE", "Bad value \"MAYBE\" for OverSubscribe"),
        ("PartitionName=p PreemptMode=x", "Bad value \"x\" for PreemptMode"),
        ("PartitionName=p SelectTypeParameters=CR_CPU", "Bad value \"CR_CPU\" for SelectType"),
        ("PartitionName=p Default=perhaps", "\"perhaps\" is not a valid option for \"Default\""),
        ("PartitionName=p Exclusive=x", "Bad value \"x\" for Exclusive"),
    ];
    for (text, wanted) in cases {
        let (_, problems) = read(&[text]);
        let errors: Vec<String> = problems.errors.iter().map(ToString::to_string).collect();
        assert!(errors.iter().any(|e| e.contains(wanted)), "{text}: {errors:?}");
    }
    let (_, problems) = read(&["PartitionName=p", "PartitionName=p"]);
    assert!(problems.errors[0].to_string().contains("duplicate entry for partition p"));
}

#[test]
fn a_default_time_beyond_the_limit_is_dropped() {
    let (p, warnings) = one("PartitionName=p MaxTime=60 DefaultTime=2:00:00");
    assert_eq!(p.default_time, None);
    assert!(warnings[0].contains("DefaultTime exceeds MaxTime (120 > 60)"), "{warnings:?}");
    assert_eq!(one("PartitionName=p DefaultTime=30").0.default_time, Some(Limit::At(30)));
}
