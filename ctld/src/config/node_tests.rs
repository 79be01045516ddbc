use super::*;

fn read(lines: &[&str]) -> (Vec<NodeLine>, Problems) {
    let mut problems = Problems::default();
    let mut nodes = NodeLines::default();
    for (at, text) in lines.iter().enumerate() {
        let line = u32::try_from(at + 1).unwrap();
        let place = Place { file: "slurm.conf".into(), line };
        let pair = super::super::line::pair(text).unwrap();
        assert_eq!(pair.key, "NodeName");
        nodes.read(pair.value, pair.rest, &place, &mut problems);
    }
    (nodes.lines, problems)
}

fn one(text: &str) -> (NodeLine, Vec<String>) {
    let (mut lines, problems) = read(&[text]);
    assert!(problems.errors.is_empty(), "{problems:?}");
    (lines.remove(0), problems.warnings.iter().map(ToString::to_string).collect())
}

/// boards, sockets, cores a socket, threads a core, CPUs.
fn shape(text: &str) -> (u16, u16, u16, u16, u16) {
    let (l, _) = one(text);
    (l.boards, l.sockets, l.cores_per_socket, l.threads_per_core, l.cpus)
}

#[test]
fn a_bare_node_has_one_of_everything() {
    let (line, warnings) = one("NodeName=n1");
    assert_eq!((line.real_memory, line.weight, line.tmp_disk), (1, 1, 0));
    assert_eq!(line.state, NodeState::Unknown);
    // MemSpecLimit 0 is below RealMemory 1, CoreSpecCount 0 below one core: nothing to say.
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(shape("NodeName=n1"), (1, 1, 1, 1, 1));
}

#[test]
fn sockets_follow_from_cpus_and_cpus_from_sockets() {
    assert_eq!(shape("NodeName=n CPUs=8"), (1, 8, 1, 1, 8));
    assert_eq!(shape("NodeName=n CPUs=8 CoresPerSocket=2 ThreadsPerCore=2"), (1, 2, 2, 2, 8));
    assert_eq!(shape("NodeName=n Sockets=2 CoresPerSocket=4 ThreadsPerCore=2"), (1, 2, 4, 2, 16));
    assert_eq!(
        shape("NodeName=n CPUs=8 Sockets=2 CoresPerSocket=4 ThreadsPerCore=2"),
        (1, 2, 4, 2, 8)
    );
    assert_eq!(shape("NodeName=n Boards=2 SocketsPerBoard=2 CoresPerSocket=3"), (2, 4, 3, 1, 12));
    assert_eq!(shape("NodeName=n Procs=4"), (1, 4, 1, 1, 4));
    assert_eq!(shape("NodeName=n Boards=2 CoresPerSocket=3"), (2, 2, 3, 1, 6));
}

#[test]
fn counts_that_cannot_be_are_put_right_and_named() {
    let cases = [
        ("NodeName=n CPUs=7 Sockets=2 CoresPerSocket=4", "match no Sockets"),
        ("NodeName=n CPUs=0", "CPUs=0 is invalid, reset to 1"),
        ("NodeName=n Sockets=4 SocketsPerBoard=2", "using SocketsPerBoard"),
        ("NodeName=n Boards=4 Sockets=2", "Sockets(2) < Boards(4) resetting Boards=1"),
        ("NodeName=n CPUs=4 CoreSpecCount=4", "CoreSpecCount=4 is invalid, reset to 1"),
        ("NodeName=n RealMemory=10 MemSpecLimit=10", "MemSpecLimit=10 is invalid, reset to 0"),
        ("NodeName=n CPUs=4 CPUSpecList=4", "unable to convert it to bitmap of size CPUs=4"),
        (
            "NodeName=n CPUs=4 CPUSpecList=0 CoreSpecCount=1",
            "CoreSpecCount=1 is invalid, reset to 0",
        ),
        ("NodeName=n CpuBind=moon", "CpuBind='moon' is invalid, ignored"),
        ("NodeName=n CPUs=2 CPUs=4", "CPUs 1 specified more than once"),
    ];
    for (text, wanted) in cases {
        let (_, warnings) = one(text);
        assert!(warnings.iter().any(|w| w.contains(wanted)), "{text}: {warnings:?}");
    }
    assert_eq!(shape("NodeName=n CPUs=7 Sockets=2 CoresPerSocket=4"), (1, 2, 4, 1, 8));
    assert_eq!(shape("NodeName=n Boards=4 Sockets=2"), (1, 2, 1, 1, 2));
}

#[test]
fn default_lines_add_up_and_a_line_overrides_them() {
    let (lines, problems) = read(&[
        "NodeName=DEFAULT CPUs=4 RealMemory=1000 State=UNKNOWN",
        "NodeName=a",
        "NodeName=default RealMemory=2000 Features=x,y",
        "NodeName=b CPUs=8 Feature=z",
    ]);
    assert!(problems.errors.is_empty() && problems.warnings.is_empty(), "{problems:?}");
    assert_eq!((lines[0].cpus, lines[0].real_memory), (4, 1000));
    assert_eq!((lines[1].cpus, lines[1].real_memory), (8, 2000));
    assert_eq!(lines[1].features, ["z"]);
}

#[test]
fn addresses_and_ports_pair_with_names_in_order() {
    let (line, _) = one(
        "NodeName=n[01-03] NodeHostname=localhost NodeAddr=10.0.0.[1-3] Port=[7001-7003] BcastAddr=b[1-3]",
    );
    let third = &line.nodes[2];
    assert_eq!((third.name.as_str(), third.hostname.as_str()), ("n03", "localhost"));
    assert_eq!((third.address.as_str(), third.port), ("10.0.0.3", Some(7003)));
    assert_eq!(third.bcast_address.as_deref(), Some("b3"));
    let (line, _) = one("NodeName=n[1-2] Port=7001,7005");
    assert_eq!(line.nodes.iter().map(|n| n.port).collect::<Vec<_>>(), [Some(7001), Some(7005)]);
    let (line, _) = one("NodeName=n[1-2] NodeHostName=h[1-2]");
    assert_eq!(line.nodes[1].address, "h2", "the address is the host name unless given");
}

#[test]
fn lines_that_cannot_be_used_are_errors_with_their_place() {
    let cases = [
        ("NodeName=ALL", "slurm.conf:1: 'ALL' is a reserved word disallowed for use with NodeName"),
        ("NodeName=DEFAULT NodeAddr=x", "slurm.conf:1: NodeAddr not allowed with NodeName=DEFAULT"),
        ("NodeName=n[1-4 CPUs=1", "slurm.conf:1: Unable to create NodeName list from n[1-4"),
        ("NodeName=n State=happy", "slurm.conf:1: Invalid state happy from n"),
        ("NodeName=n Colour=red", "slurm.conf:1: Parsing error at unrecognized key: Colour"),
        ("NodeName=n CPUs=many", "slurm.conf:1: CPUs value \"many\" is not a valid number"),
        ("NodeName=n CPUs=70000", "slurm.conf:1: CPUs value (70000) is greater than 65535"),
        ("NodeName=n CPUs=1 huh", "slurm.conf:1: Parse error in file: \" huh\""),
        ("NodeName=n Port=0", "slurm.conf:1: Bad value \"0\" for Port"),
        ("NodeName=n[1-3] NodeAddr=a[1-2]", "NodeAddr count must equal that of NodeName records"),
    ];
    for (text, wanted) in cases {
        let (_, problems) = read(&[text]);
        let errors: Vec<String> = problems.errors.iter().map(ToString::to_string).collect();
        assert!(errors.iter().any(|e| e.contains(wanted)), "{text}: {errors:?}");
    }
}

#[test]
fn states_are_words_or_their_beginnings() {
    assert_eq!(NodeState::parse("future"), Some(NodeState::Future));
    assert_eq!(NodeState::parse("CLOUD+x"), Some(NodeState::Cloud));
    assert_eq!(NodeState::parse("DRAINED"), Some(NodeState::Drain));
    assert_eq!(NodeState::parse("RESUME"), None);
    assert_eq!(NodeState::parse(""), None);
}
