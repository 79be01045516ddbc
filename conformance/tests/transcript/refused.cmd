# Submissions that are refused, with the words that a person sees.
alice: sbatch -p none --wrap=true
alice: sbatch -N 99 --wrap=true
alice: sbatch -n 999 --wrap=true
alice: sbatch --mem=999G --wrap=true
alice: sbatch -p short -t 2:00:00 --wrap=true
alice: sbatch -C nofeature --wrap=true
alice: sbatch --gres=gpu:1 --wrap=true
alice: sbatch -w n9 --wrap=true
alice: sbatch -w n2 -p short --wrap=true
alice: sbatch -d afterok:9999 --wrap=true
alice: sbatch -d nonsense --wrap=true
alice: sbatch --nice=-10 --wrap=true
alice: sbatch --licenses=none:1 --wrap=true
alice: sbatch --reservation=none --wrap=true
alice: sbatch --qos=none --wrap=true
alice: sbatch --array=1-9999999 --wrap=true
alice: sbatch --begin=nonsense --wrap=true
alice: sbatch --uid=bob --wrap=true
alice: sbatch -t 0 --hold --wrap=true
alice: sbatch --deadline=2001-01-01T00:00:00 --wrap=true
alice: sbatch --signal=R:USR1@30 --wrap=true
alice: srun --immediate --hold pwd
alice: sbatch nosuchfile
alice: sbatch --test-only --wrap=true 2>&1 | sed 's/start at [^ ]*/start at TIME/'
alice: sbatch --test-only -N 99 --wrap=true
alice: sbatch --test-only -p none --wrap=true
alice: printf 'echo no shebang\n' > bad.sh; sbatch bad.sh
alice: : > empty.sh; sbatch empty.sh
alice: scontrol update nodename=n1 state=drain reason=mine
alice: scontrol update partitionname=main state=down
alice: scontrol create partitionname=mine
alice: scontrol delete partitionname=short
alice: scontrol reconfigure
alice: scontrol shutdown
alice: scontrol setdebug debug
alice: scontrol create nodename=x1
alice: scontrol delete nodename=n1
alice: scontrol reboot n1
alice: scontrol takeover
alice: scontrol create reservation starttime=now duration=5 nodes=n1 users=alice
alice: sdiag -r
# What salloc and srun say of what is refused, some of it for being told twice.
alice: salloc -p nowhere true
# A job is made of it that fails at once, and salloc hears of that or not.
alice: salloc --mem=1T true 2>&1 | grep -v revoked
alice: salloc -C nofeature true
alice: salloc --gres=nothing:1 true
alice: srun -p nowhere true
alice: srun -C nofeature true
alice: timeout 5 salloc --begin=now+1hour --immediate true 2>&1 | grep -v revoked
