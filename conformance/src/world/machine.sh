# A machine of a world: a network and a UTS namespace, a cable to the hub, and folders that its roots share.
# $1: the world's folder, $2: the machine's name, $3: its number in the world.
# Runs in the world's namespaces.
set -eu
cd "$1"
name=$2
number=$3
home=machine/$name
mkdir -p "$home/run/slurmctld" "$home/run/slurm" "$home/run/lock" "$home/tmp" \
    "$home/spool/slurmctld" "$home/spool/slurmd" "$home/log/slurm" "$home/slurm"
chmod 1777 "$home/tmp"
# To SlurmUser, whose the key is.
chown --reference=share/slurm/slurm.key "$home/run/slurmctld" "$home/spool/slurmctld" "$home/log/slurm"
: > "ns/net-$name"
: > "ns/uts-$name"
unshare --net="$PWD/ns/net-$name" --uts="$PWD/ns/uts-$name" \
    sh -c 'echo "$1" > /proc/sys/kernel/hostname; ip link set lo up' sh "$name"
ip link add "cable$number" type veth peer name eth0 netns "$PWD/ns/net-$name"
ip link set "cable$number" master hub up
nsenter --net="$PWD/ns/net-$name" sh -c \
    'ip address add "10.77.1.$1/16" dev eth0; ip link set eth0 up; ip route add default via 10.77.0.1' sh "$number"
printf '10.77.1.%s %s\n' "$number" "$name" >> share/hosts
