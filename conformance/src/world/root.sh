# A root of a machine: a fetched (or the host's own) system below, this machine's changes above, on the world's tmpfs.
# $1: the world's folder, $2: the machine, $3: the root's name, $4: the system below, $5: the folder for /etc/slurm,
# $6: a program to be seen as /usr/sbin/ctld, or nothing, $7: which cgroup.conf its release can read.
# Runs in the world's namespaces.
set -eu
cd "$1"
home=machine/$2
root=root/$2/$3
layer=layer/$2/$3
mkdir -p "$root" "$layer/up" "$layer/work"
mount -t overlay -o "lowerdir=$4,upperdir=$layer/up,workdir=$layer/work" overlay "$root"
mkdir -p "$root/etc/slurm" "$root/var/spool" "$root/var/log" "$root/home" "$root/tmp" "$root/proc" "$root/dev" "$root/sys" "$root/run"
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
mount --bind "$home/run" "$root/run"
mount --bind "$home/tmp" "$root/tmp"
mount --bind "$home/spool" "$root/var/spool"
mount --bind "$home/log" "$root/var/log"
mount --bind share/home "$root/home"
mount --bind "$5" "$root/etc/slurm"
[ ! -e "$root/etc/slurm/cgroup.conf" ] || mount --bind "share/cgroup/$7" "$root/etc/slurm/cgroup.conf"
for file in passwd group shadow hosts; do
    [ -e "$root/etc/$file" ] || : > "$root/etc/$file"
    mount --bind "share/$file" "$root/etc/$file"
done
# Names are those of /etc/hosts: a question to a name server would only wait for its time limit.
rm -f "$root/etc/nsswitch.conf" "$root/etc/resolv.conf"
printf 'passwd: files\ngroup: files\nshadow: files\nhosts: files\n' > "$root/etc/nsswitch.conf"
: > "$root/etc/resolv.conf"
if [ -n "$6" ]; then
    : > "$root/usr/sbin/ctld"
    mount --bind "$6" "$root/usr/sbin/ctld"
fi
