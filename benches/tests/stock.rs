//! Stock slurmctld of both releases and stock srun take hollow nodes for slurmds, from submission to completion.

use std::process::Command;

use benches::throughput::Measurement;

/// Without root it says so and passes, as the conformance tests do.
#[test]
fn stock_controllers_and_srun_run_jobs_on_hollow_nodes() {
    if let Err(why) = conformance::ground::check_rights() {
        assert!(std::env::var_os("CI").is_none(), "{why}");
        conformance::ground::say(&format!("skipped: {why}"));
        return;
    }
    let folder = std::env::temp_dir().join(format!("benches-test-{}", std::process::id()));
    let status = Command::new(env!("CARGO_BIN_EXE_benches"))
        .args(["throughput", "--subjects", "24.11,26.05", "--rounds", "1", "--scenarios", "a,b,c"])
        .args(["--pollers", "1", "--poll-s", "1", "--loaded", "100", "--stormed", "0"])
        .args(["--nodes", "60", "--jobs", "60", "--waiting", "30", "--submitters", "4"])
        .arg("--out")
        .arg(&folder)
        .status()
        .unwrap();
    assert!(status.success());
    let text = std::fs::read(folder.join("result.json")).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let measurement: Measurement = serde_json::from_slice(&text).unwrap();
    assert_eq!(measurement.runs.len(), 6);
    for run in measurement.runs {
        assert_eq!(run.failure, None, "{}, {}", run.leg, run.subject);
        let whats: &[&str] = match &*run.leg {
            "flow-60" => &["completed"],
            // srun is served by two hollow nodes, to its end.
            "queue" => &["submission by 4 clients, accepted", "stock program srun, whole run"],
            _ => &["squeue of all at rest, answers"],
        };
        for what in whats {
            let figure = run.figures.iter().find(|figure| figure.what == *what).unwrap();
            assert!(figure.value > 0.0, "{}: {figure:?}", run.subject);
        }
    }
}
