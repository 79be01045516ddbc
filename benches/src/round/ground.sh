# The root of a round's controller: a system below, the round's own changes above on a tmpfs, the state on the disk.
# Beside it a root with stock clients, which share its configuration and its sockets.
# $1: the round's folder, $2: the system below, $3: the system of the clients, $4: a ctld to be seen as /usr/sbin/ctld, or nothing.
# Runs in the round's namespaces.
set -eu
folder=$1
mkdir -p "$folder/tmp" "$folder/state"
mount -t tmpfs -o mode=755 bench "$folder/tmp"
cd "$folder/tmp"
mkdir up work root up-clients work-clients clients
mount -t overlay -o "lowerdir=$2,upperdir=$PWD/up,workdir=$PWD/work" overlay root
mount -t overlay -o "lowerdir=$3,upperdir=$PWD/up-clients,workdir=$PWD/work-clients" overlay clients
mkdir -p root/etc/slurm root/var/spool/bench root/var/log root/proc root/dev root/run root/tmp
mount -t tmpfs -o mode=755 run root/run
mkdir -p root/run/slurmctld root/run/slurm
mount --rbind /proc root/proc
mount --rbind /dev root/dev
mount --bind "$folder/state" root/var/spool/bench
for etc in root/etc clients/etc; do
    rm -f "$etc/nsswitch.conf" "$etc/resolv.conf" "$etc/hosts"
    printf 'passwd: files\ngroup: files\nshadow: files\nhosts: files\n' > "$etc/nsswitch.conf"
    printf '127.0.0.1 localhost ctl\n' > "$etc/hosts"
    : > "$etc/resolv.conf"
done
mkdir -p clients/etc/slurm
for shared in etc/slurm run proc dev; do
    mount --rbind "root/$shared" "clients/$shared"
done
if [ -n "$4" ]; then
    : > root/usr/sbin/ctld
    mount --bind "$4" root/usr/sbin/ctld
fi
echo ctl > /proc/sys/kernel/hostname
ip link set lo up
# getaddrinfo asks whether the machine has an address besides loopback.
ip link add hub type bridge
ip address add 10.99.0.1/24 dev hub
ip link set hub up
# Hollow nodes listen at 20001 and above; calls come from ports that none of them has.
echo 31000 65000 > /proc/sys/net/ipv4/ip_local_port_range
echo 65536 > /proc/sys/net/core/somaxconn
