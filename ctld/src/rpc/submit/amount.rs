//! Lists of things by name and count: licenses, generic resources.

use std::sync::Arc;

use protocol::Errno;
use protocol::gres::GresRequests;
use protocol::tres::TresName;

use crate::rpc::Failure;

/// `--licenses`: `matlab:2,fluent`. A name that comes twice counts twice.
///
/// # Errors
///
/// `ESLURM_INVALID_LICENSES`.
pub(in crate::rpc) fn licenses(text: &str) -> Result<Vec<(Arc<str>, u32)>, Failure> {
    let invalid = || Failure::Code(Errno::ESLURM_INVALID_LICENSES);
    let mut found: Vec<(Arc<str>, u32)> = Vec::new();
    for token in text.split([',', ';']).filter(|token| !token.is_empty()) {
        let (name, count) = match token.split_once([':', '=']) {
            Some((name, count)) => (name, count.parse().map_err(|_| invalid())?),
            None => (token, 1u32),
        };
        if name.is_empty() || token.contains(char::is_whitespace) {
            return Err(invalid());
        }
        match found.iter_mut().find(|(known, _)| **known == *name) {
            Some((_, sum)) => *sum = sum.checked_add(count).ok_or_else(invalid)?,
            None => found.push((name.into(), count)),
        }
    }
    Ok(found)
}

/// A name, a kind and a count.
pub(in crate::rpc) type Gres = (Arc<str>, Option<Arc<str>>, u64);

/// `--gres` and its like, as clients send it: `gres/gpu:tesla:2,gres/widget`. Things that are no
/// generic resources (`cpu=2`, `license/x:1`) are left out.
///
/// # Errors
///
/// `ESLURM_INVALID_GRES` for a name that GresTypes does not have, or a count that is none.
pub(in crate::rpc) fn gres(text: &str, types: &[Arc<str>]) -> Result<Vec<Gres>, Failure> {
    let invalid = || Failure::Code(Errno::ESLURM_INVALID_GRES);
    let tokens: Vec<&str> = text.split(',').filter(|token| !is_other_tres(token)).collect();
    let requests = GresRequests::parse(&tokens.join(",")).map_err(|_| invalid())?;
    let mut found: Vec<Gres> = Vec::new();
    for request in requests.0 {
        if !types.iter().any(|known| **known == *request.name) {
            return Err(invalid());
        }
        let kind: Option<Arc<str>> = request.model.map(Into::into);
        let same = |(name, k, _): &&mut Gres| **name == *request.name && *k == kind;
        match found.iter_mut().find(same) {
            Some((_, _, sum)) => *sum = sum.checked_add(request.count).ok_or_else(invalid)?,
            None => found.push((request.name.into(), kind, request.count)),
        }
    }
    Ok(found)
}

fn is_other_tres(token: &str) -> bool {
    let name = token.split([':', '=', '/']).next().unwrap_or_default();
    TresName::of(name).fixed_id().is_some() || ["license", "bb", "fs", "ic"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::{gres, licenses};

    #[test]
    fn licenses_have_counts() {
        let read = licenses("matlab:2,fluent,matlab=1").unwrap();
        assert_eq!(read, [("matlab".into(), 3), ("fluent".into(), 1)]);
        for bad in ["matlab:x", ":2", "mat lab", "matlab:-1"] {
            assert!(licenses(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn generic_resources_have_kinds_and_counts() {
        let types = ["gpu".into(), "widget".into()];
        let read = gres("gres/gpu:tesla:2,gres:widget:1k,gpu,cpu=2", &types).unwrap();
        assert_eq!(
            read,
            [
                ("gpu".into(), Some("tesla".into()), 2),
                ("widget".into(), None, 1024),
                ("gpu".into(), None, 1)
            ]
        );
        for bad in ["gres/nic:1", "gres/gpu:a:b", "gres/gpu:a:1:2", "gres/gpu::1"] {
            assert!(gres(bad, &types).is_err(), "{bad}");
        }
    }
}
