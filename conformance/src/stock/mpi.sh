# A root that has MPI too: a copy of a fetched one, with a compiler, OpenMPI and Slurm's PMI-2 library.
# $1: the fetched root, $2: the root to be made, $3: a proxy for apt, or nothing.
# Runs in mount and PID namespaces of its own, so that what is mounted and started here ends with it.
set -eu
cp -a "$1" "$2"
mount --rbind /dev "$2/dev"
mount -t proc proc "$2/proc"
cp -L /etc/resolv.conf "$2/etc/resolv.conf"
apt() {
    chroot "$2" env DEBIAN_FRONTEND=noninteractive apt-get -q -o "Acquire::http::Proxy=$3" \
        -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none $1
}
apt "update" "$2" "$3"
apt "install -y --no-install-recommends gcc libc6-dev openmpi-bin libopenmpi-dev libpmi2-0-dev" "$2" "$3"
apt "clean" "$2" "$3"
