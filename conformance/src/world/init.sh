# The first process of a world, in PID, mount, network, UTS and IPC namespaces that were made for it.
# $1: an empty folder, on which the world's tmpfs is mounted. Leaves when its standard input ends, and the world with it.
set -eu
world=$1
mount -t tmpfs -o mode=755 world "$world"
cd "$world"
mkdir ns machine layer root share share/slurm share/cgroup share/home
ip link set lo up
# The machines' network: one switch, an address of its own so that packets between machines can be looked at from here.
ip link add hub type bridge
ip address add 10.77.0.1/16 dev hub
ip link set hub up
echo ready
read -r _ || :
