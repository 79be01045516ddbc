//! Users and groups as this machine's name service knows them.

use std::ffi::CString;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dashmap::DashMap;
use model::{Gid, Uid};
use nix::unistd;

/// How long an answer of the name service is good for.
const REMEMBERED: Duration = Duration::from_secs(600);
/// How many users are remembered; past that the memory is emptied, not grown.
const REMEMBERED_MAX: usize = 100_000;

/// The users that the machine itself keeps: passwd(5).
const LOCAL_USERS: &str = "/etc/passwd";

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// User id.
    pub uid: Uid,
    /// Primary group.
    pub gid: Gid,
    /// Login name.
    pub name: Arc<str>,
    /// GECOS field.
    pub gecos: Arc<str>,
    /// Home directory.
    pub home: Arc<str>,
    /// Login shell.
    pub shell: Arc<str>,
    /// All groups, the primary one among them.
    pub groups: Arc<[Gid]>,
}

/// The name service, its answers remembered for a while: a storm of queries asks it once a user.
#[derive(Debug, Default)]
pub struct Users {
    users: DashMap<Uid, (Instant, Option<Arc<User>>)>,
    groups: DashMap<Gid, (Instant, Option<Arc<str>>)>,
}

impl Users {
    /// The user of a number, if the machine knows one.
    pub fn user(&self, uid: Uid) -> Option<Arc<User>> {
        remembered(&self.users, uid, || look_up(uid).map(Arc::new))
    }

    /// The login name of a number; the number itself if the machine knows none.
    pub fn name(&self, uid: Uid) -> Arc<str> {
        self.user(uid).map_or_else(|| uid.to_string().into(), |user| Arc::clone(&user.name))
    }

    /// The name of a group, if the machine knows one.
    pub fn group_name(&self, gid: Gid) -> Option<Arc<str>> {
        remembered(&self.groups, gid, || {
            let group = unistd::Group::from_gid(unistd::Gid::from_raw(gid.0)).ok()??;
            Some(group.name.into())
        })
    }

    /// The number of a login name, or of a number in digits.
    pub fn uid(&self, name: &str) -> Option<Uid> {
        if let Ok(uid) = name.parse() {
            return Some(Uid(uid));
        }
        let user = unistd::User::from_name(name).ok()??;
        Some(Uid(user.uid.as_raw()))
    }

    /// The number of a group name, or of a number in digits.
    pub fn gid(&self, name: &str) -> Option<Gid> {
        if let Ok(gid) = name.parse() {
            return Some(Gid(gid));
        }
        let group = unistd::Group::from_name(name).ok()??;
        Some(Gid(group.gid.as_raw()))
    }

    /// The users in a group: those that the group names, and of the users that the machine itself
    /// keeps those whose primary group it is.
    pub fn members(&self, group: &str) -> Vec<Uid> {
        let Ok(Some(found)) = unistd::Group::from_name(group) else {
            return Vec::new();
        };
        let mut users: Vec<Uid> = found.mem.iter().filter_map(|name| self.uid(name)).collect();
        let local = std::fs::read_to_string(LOCAL_USERS).unwrap_or_default();
        for line in local.lines() {
            let mut fields = line.split(':').skip(2);
            let (uid, gid) = (fields.next(), fields.next());
            if gid.and_then(|gid| gid.parse().ok()) == Some(found.gid.as_raw()) {
                users.extend(uid.and_then(|uid| uid.parse().ok()).map(Uid));
            }
        }
        users
    }

    /// The names of all groups that a user is in.
    pub fn group_names(&self, uid: Uid) -> Arc<[Arc<str>]> {
        let Some(user) = self.user(uid) else {
            return Arc::default();
        };
        user.groups.iter().filter_map(|gid| self.group_name(*gid)).collect()
    }
}

fn remembered<K: Copy + Eq + std::hash::Hash, V: Clone>(
    memory: &DashMap<K, (Instant, Option<V>)>,
    key: K,
    ask: impl FnOnce() -> Option<V>,
) -> Option<V> {
    if let Some(entry) = memory.get(&key)
        && entry.0.elapsed() < REMEMBERED
    {
        return entry.1.clone();
    }
    let answer = ask();
    if memory.len() >= REMEMBERED_MAX {
        memory.clear();
    }
    memory.insert(key, (Instant::now(), answer.clone()));
    answer
}

fn look_up(uid: Uid) -> Option<User> {
    let user = unistd::User::from_uid(unistd::Uid::from_raw(uid.0)).ok()??;
    let name = CString::new(user.name.as_bytes()).ok()?;
    let groups = unistd::getgrouplist(&name, user.gid).unwrap_or_else(|_| vec![user.gid]);
    Some(User {
        uid,
        gid: Gid(user.gid.as_raw()),
        name: user.name.into(),
        gecos: user.gecos.to_string_lossy().into(),
        home: user.dir.to_string_lossy().into(),
        shell: user.shell.to_string_lossy().into(),
        groups: groups.into_iter().map(|gid| Gid(gid.as_raw())).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Uid, Users};

    #[test]
    fn root_is_known_by_number_and_by_name() {
        let users = Users::default();
        assert_eq!(&*users.name(Uid::ROOT), "root");
        assert_eq!(users.uid("root"), Some(Uid::ROOT));
        assert_eq!(users.uid("1234"), Some(Uid(1234)));
        assert!(users.members("root").contains(&Uid::ROOT), "by primary group");
        assert!(users.members("no such group").is_empty());
    }
}
