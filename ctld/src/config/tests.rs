use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const PATH: &str = "/etc/slurm/slurm.conf";

fn load(text: &str) -> Result<SlurmConf, Refused> {
    load_with(text, &[])
}

fn load_with(text: &str, others: &[(&str, &str)]) -> Result<SlurmConf, Refused> {
    let mut files: BTreeMap<PathBuf, String> =
        others.iter().map(|&(path, text)| (path.into(), text.to_owned())).collect();
    files.insert(PATH.into(), text.to_owned());
    SlurmConf::load(&files, Path::new(PATH))
}

fn errors(text: &str) -> Vec<String> {
    let refused = load(text).expect_err("the file has an error");
    refused.0.errors.iter().map(ToString::to_string).collect()
}

const SMALL: &str = "ClusterName=C1\nSlurmctldHost=ctl\nNodeName=n[1-2]\n";

#[test]
fn the_smallest_file_has_stock_defaults() {
    let conf = load(SMALL).unwrap();
    assert_eq!(conf.cluster, "c1");
    assert_eq!((conf.ports.clone(), conf.slurmd_port), (6817..=6817, 6818));
    assert_eq!((conf.keys.kill_wait, conf.keys.message_timeout), (30, 10));
    assert_eq!((conf.keys.max_job_count, conf.keys.max_array_size), (10_000, 1001));
    assert_eq!(conf.keys.unkillable_step_timeout, 60);
    assert_eq!(conf.settings.select_bits, SELECT_CORE | SELECT_MEMORY);
    assert_eq!(conf.settings.slurmctld_debug, 3);
    assert_eq!(conf.settings.times.suspend_s, Limit::Unlimited);
    assert_eq!(conf.settings.times.priority_decay_half_life_s, Limit::At(604_800));
    assert!(conf.settings.ipv4 && !conf.settings.ipv6 && !conf.settings.configless);
    assert!(conf.warnings().is_empty(), "{:?}", conf.warnings());
    assert!(conf.is_given("clustername") && !conf.is_given("KillWait"));
}

#[test]
fn all_errors_of_a_file_are_collected_with_their_lines() {
    let found = errors(
        "ClusterName=c\nFoo=1\nKillWait=soon\nKillWait=1 MinJobAge=2\nNodeName=n[1-2 CPUs=1\n\
         JobRequeue\nPartitionName=p Nodes=x MaxTime=1\nSlurmctldPort=0\nPrologFlags=Alloc,Nope\n",
    );
    let wanted = [
        "/etc/slurm/slurm.conf:2: Parsing error at unrecognized key: Foo",
        "/etc/slurm/slurm.conf:3: KillWait value \"soon\" is not a valid number",
        "/etc/slurm/slurm.conf:4: Parse error in file: \" MinJobAge=2\"",
        "/etc/slurm/slurm.conf:5: Unable to create NodeName list from n[1-2",
        "/etc/slurm/slurm.conf:6: Parse error in file: \"JobRequeue\"",
        "/etc/slurm/slurm.conf:9: PrologFlags invalid: Nope",
        "No SlurmctldHost defined.",
        "/etc/slurm/slurm.conf:8: Bad value \"0\" for SlurmctldPort",
        "/etc/slurm/slurm.conf:7: Invalid node names in partition p: x",
    ];
    assert_eq!(found.len(), wanted.len(), "{found:#?}");
    for (found, wanted) in found.iter().zip(wanted) {
        assert!(found.starts_with(wanted), "{found} is not {wanted}");
    }
}

#[test]
fn keys_without_effect_are_warned_about_once_and_only_if_they_ask_for_something() {
    let conf = load(&format!(
        "{SMALL}AccountingStorageType=accounting_storage/slurmdbd\nJobCompType=jobcomp/none\n\
         PowerPlugin=x\nSchedulerParameters=bf_interval=30,defer,bf_colour\nMinJobAge=1\n\
         KillWait=5\nkillwait=6\n"
    ))
    .unwrap();
    let texts: Vec<String> = conf.warnings().iter().map(ToString::to_string).collect();
    let wanted = [
        ":4: AccountingStorageType has no effect yet: ctld does not have accounting through slurmdbd",
        ":6: The option \"PowerPlugin\" is defunct",
        ":10: KillWait 1 specified more than once, latest value used",
        ":8: MinJobAge=1 is invalid, reset to 2",
        ":7: SchedulerParameters option bf_interval has no effect yet",
        ":7: SchedulerParameters option bf_colour is not known to any release",
    ];
    assert_eq!(texts.len(), wanted.len(), "{texts:#?}");
    for wanted in wanted {
        assert!(texts.iter().any(|text| text.contains(wanted)), "{wanted}: {texts:#?}");
    }
    assert_eq!((conf.keys.kill_wait, conf.keys.min_job_age), (6, 2));
    assert_eq!(conf.keys.accounting_storage_port, 6819);
}

#[test]
fn rules_between_keys_hold() {
    let with = |line: &str| load(&format!("{SMALL}{line}\n"));
    let refused = [
        ("FirstJobId=0", "FirstJobId cannot be zero"),
        ("FirstJobId=10\nMaxJobId=9", "FirstJobId > MaxJobId"),
        ("PreemptMode=REQUEUE", "PreemptType and PreemptMode values incompatible"),
        ("PreemptMode=SUSPEND\nPreemptType=preempt/qos", "PreemptMode=SUSPEND requires GANG too"),
        ("CommunicationParameters=DisableIPv4", "Both IPv4 and IPv6 support disabled"),
        ("SchedulerParameters=max_script_size=999999999999", "cannot exceed"),
        ("SlurmSchedLogLevel=1", "SlurmSchedLogLevel requires SlurmSchedLogFile value"),
        ("AccountingStorageLoc=x", "The AccountingStorageLoc option has been removed."),
        ("FrontendName=f", "The FrontendName option has been removed."),
        ("SlurmctldHost=ctl", "Duplicate SlurmctldHost records: ctl"),
        ("SlurmctldPort=7000-6000", "Bad value \"7000-6000\" for SlurmctldPort"),
        ("NodeName=n2", "Duplicated NodeName n2 in the config file"),
        ("NodeSet=n1 Nodes=n1", "NodeSet with name n1 overlaps with an existing NodeName"),
        ("TaskPluginParam=cores,threads", "Bad value \"cores,threads\" for TaskPluginParam"),
        ("PriorityCalcPeriod=0", "Bad value \"0\" for PriorityCalcPeriod"),
    ];
    for (line, wanted) in refused {
        let refused = with(line).expect_err(line).0.errors;
        assert!(refused.iter().any(|e| e.to_string().contains(wanted)), "{line}: {refused:?}");
    }
    let conf =
        with("FirstJobId=100\nMaxJobId=199\nMessageTimeout=30\nSlurmctldPort=6817-6820").unwrap();
    assert_eq!((conf.keys.max_job_count, conf.keys.unkillable_step_timeout), (100, 150));
    assert_eq!(conf.ports, 6817..=6820);
    let conf =
        with("DefMemPerNode=10\nDefMemPerCPU=5\nTaskPlugin=task/cgroup,task/affinity").unwrap();
    assert_eq!(conf.settings.def_mem, Some(Memory::PerNode(10)));
    assert_eq!(conf.keys.task_plugin.as_deref(), Some("task/affinity,task/cgroup"));
}

#[test]
fn partitions_name_nodes_sets_and_all() {
    let conf = load(
        "ClusterName=c\nSlurmctldHost=ctl\nNodeName=n[1-3] Feature=gpu,big\nNodeName=m[1-2]\n\
         NodeSet=fast Feature=gpu\nNodeSet=both Nodes=m2,n1\nDownNodes=n3 Reason=\"bad disk\"\n\
         PartitionName=a Nodes=ALL Default=YES\nPartitionName=b Nodes=fast,m1\n\
         PartitionName=c Nodes=both Default=YES\nPartitionName=d\n",
    )
    .unwrap();
    let nodes: Vec<String> = conf.partitions.iter().map(|p| p.nodes.join(",")).collect();
    assert_eq!(nodes, ["n1,n2,n3,m1,m2", "n1,n2,n3,m1", "n1,m2", ""]);
    assert_eq!(conf.default_partition().map(|p| p.name.as_str()), Some("c"));
    assert_eq!(conf.down_nodes[0].reason, "bad disk");
    let texts: Vec<String> = conf.warnings().iter().map(ToString::to_string).collect();
    assert!(texts[0].contains("changing default partition from a to c"), "{texts:?}");
}

#[test]
fn configless_peers_get_the_files_of_their_release() {
    let conf = load_with(
        &format!("{SMALL}Include nodes.conf\nProlog=pro.sh\nEpilog=/opt/epi.sh\n"),
        &[("/etc/slurm/nodes.conf", "NodeName=x\n")],
    )
    .unwrap();
    let files: BTreeMap<PathBuf, String> = [
        (PATH, "the text"),
        ("/etc/slurm/nodes.conf", "NodeName=x\n"),
        ("/etc/slurm/pro.sh", "#!/bin/sh\n"),
        ("/etc/slurm/cgroup.conf", "CgroupPlugin=disabled\n"),
    ]
    .into_iter()
    .map(|(path, text)| (path.into(), text.to_owned()))
    .collect();
    let node = sent_to(Audience::Node, Release::R24_11, &conf, &files);
    let find = |name: &str| node.iter().find(|sent| sent.name == name);
    assert_eq!(find("slurm.conf").unwrap().content.as_deref(), Some(&b"the text"[..]));
    assert_eq!(find("gres.conf").unwrap().content, None);
    assert!(find("cgroup.conf").unwrap().content.is_some());
    assert!(find("pro.sh").unwrap().execute && find("epi.sh").is_none());
    assert!(find("nodes.conf").is_some() && find("topology.yaml").is_none());
    let client = sent_to(Audience::Client, Release::R25_05, &conf, &files);
    let names: Vec<&str> = client.iter().map(|sent| sent.name.as_str()).collect();
    assert!(names.contains(&"topology.yaml") && !names.contains(&"cgroup.conf"), "{names:?}");
}

#[test]
fn the_file_is_found_by_option_then_environment_then_default() {
    let (option, environment) = (Some(Path::new("/a")), Some(OsStr::new("/b")));
    assert_eq!(file(option, environment), Path::new("/a"));
    assert_eq!(file(None, environment), Path::new("/b"));
    assert_eq!(file(None, Some(OsStr::new(""))), Path::new(DEFAULT_FILE));
    assert_eq!(file(None, None), Path::new(DEFAULT_FILE));
}

#[test]
fn a_large_file_of_a_real_site_is_read_whole() {
    let conf = load_with(
        include_str!("../../testdata/slurm.conf"),
        &[("/etc/slurm/nodes.conf", include_str!("../../testdata/nodes.conf"))],
    )
    .unwrap_or_else(|refused| panic!("{:#?}", refused.0.errors));
    let shown: String = FACTS
        .iter()
        .filter(|fact| conf.is_given(fact.name))
        .map(|fact| format!("{} = {}\n", fact.name, fact.show(&conf.keys)))
        .collect();
    let nodes: String = conf
        .nodes
        .iter()
        .map(|n| {
            format!(
                "{} x{} CPUs={} Boards={} Sockets={} Cores={} Threads={} Mem={} {:?}\n",
                n.expression,
                n.nodes.len(),
                n.cpus,
                n.boards,
                n.sockets,
                n.cores_per_socket,
                n.threads_per_core,
                n.real_memory,
                n.state
            )
        })
        .collect();
    let partitions: String = conf
        .partitions
        .iter()
        .map(|p| {
            format!("{} nodes={} {:?} {:?}\n", p.name, p.nodes.len(), p.max_time, p.over_subscribe)
        })
        .collect();
    let warnings: String = conf.warnings().iter().map(|w| format!("{w}\n")).collect();
    let all = format!("{shown}\n{nodes}\n{partitions}\n{warnings}\nhash {:08x}\n", conf.hash.0);
    let golden = include_str!("../../testdata/slurm.conf.golden");
    assert!(all == golden, "the golden file differs from:\n{all}");
}

/// Odd lines (continuations, escapes, numbers in hexadecimal, a letter beyond ASCII, an include),
/// whose hash and node shapes stock slurmctld and scontrol of 24.11.5 and of 26.05.5 showed to be
/// these.
#[test]
fn hash_and_nodes_of_an_odd_file_are_those_of_stock() {
    let conf = load_with(
        include_str!("../../testdata/odd.conf"),
        &[("/etc/slurm/odd-nodes.conf", include_str!("../../testdata/odd-nodes.conf"))],
    )
    .unwrap();
    assert_eq!(conf.hash, ConfHash(0x761c_759c));
    assert_eq!(conf.keys.message_timeout, 30);
    assert_eq!(conf.keys.epilog_msg_time, 1024);
    assert_eq!(conf.keys.slurmctld_parameters.as_deref(), Some("a,b,c"));
    let shapes: Vec<(&str, u16, u16, u16, u16, u16)> = conf
        .nodes
        .iter()
        .map(|n| {
            let name = n.nodes[0].name.as_str();
            (name, n.cpus, n.boards, n.sockets, n.cores_per_socket, n.threads_per_core)
        })
        .collect();
    assert_eq!(
        shapes,
        [
            ("a1", 8, 1, 2, 4, 1),
            ("a2", 2, 1, 2, 1, 1),
            ("a3", 4, 1, 4, 1, 1),
            ("a4", 12, 2, 4, 3, 1),
            ("a5", 8, 1, 2, 2, 2),
            ("a6", 6, 2, 2, 3, 1),
            ("a7", 1, 1, 1, 1, 1),
            ("a8", 4, 1, 4, 1, 1),
            ("a9", 1, 1, 1, 1, 1),
            ("z1", 4, 1, 4, 1, 1),
        ]
    );
    let p = &conf.partitions[0];
    assert_eq!((p.nodes.len(), p.max_time, p.hidden), (10, Limit::At(1), true));
    assert_eq!((p.disable_root_jobs, p.over_subscribe), (None, OverSubscribe::No));
}

#[test]
fn labels_want_their_plugin_and_the_other_way_round() {
    let with = |lines: &str| format!("{SMALL}{lines}\n");
    assert_eq!(
        errors(&with("MCSParameters=enforced")),
        ["/etc/slurm/slurm.conf:4: MCSParameters=enforced used and no MCSPlugin"]
    );
    assert_eq!(
        errors(&with("MCSPlugin=mcs/group")),
        ["/etc/slurm/slurm.conf:4: MCSPlugin is mcs/group and no MCSParameters"]
    );
    assert_eq!(
        errors(&with("MCSPlugin=mcs/rainbow")),
        ["/etc/slurm/slurm.conf:4: Bad value \"mcs/rainbow\" for MCSPlugin"]
    );
    let none = load(&with("MCSPlugin=mcs/none\nMCSParameters=enforced")).unwrap();
    let warnings: Vec<String> = none.warnings().iter().map(ToString::to_string).collect();
    let wanted = "MCSParameters=enforced can't be used with MCSPlugin=mcs/none";
    assert_eq!(warnings, [format!("/etc/slurm/slurm.conf:5: {wanted}")]);
    assert!(load(&with("MCSPlugin=mcs/user")).unwrap().warnings().is_empty());
}

proptest! {
    /// No text makes the parser panic, and a refusal names at least one error.
    #[test]
    fn any_text_is_read_or_refused(text in "(?s).{0,400}") {
        if let Err(refused) = load(&text) {
            prop_assert!(!refused.0.errors.is_empty());
        }
    }

    /// The same for text that looks like a configuration.
    #[test]
    fn any_lines_of_real_keys_are_read_or_refused(
        lines in prop::collection::vec(
            (
                prop::sample::select(vec![
                    "NodeName", "PartitionName", "NodeSet", "DownNodes", "SlurmctldHost", "KillWait",
                    "PowerAction", "Include", "ClusterName", "PreemptMode", "SuspendTime", "MaxJobId",
                ]),
                "[ =\"]{0,2}[a-zA-Z0-9\\[\\],:()%*\\\\#-]{0,12}",
                prop::sample::select(vec![
                    "", " CPUs=9 Sockets=2", " Nodes=ALL State=UP", " Port=[1-3]", " Boards=65535 SocketsPerBoard=65535",
                    " CoresPerSocket=65535 ThreadsPerCore=65535", " OverSubscribe=FORCE:70000", " MaxTime=9-9:9:9",
                ]),
            ),
            0..12,
        ),
    ) {
        let text: String =
            lines.iter().map(|(key, value, rest)| format!("{key}={value}{rest}\n")).collect();
        if let Err(refused) = load(&text) {
            prop_assert!(!refused.0.errors.is_empty());
        }
    }
}
