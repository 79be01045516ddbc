# What an administrator changes, and what it looks like afterwards.
root: scontrol update nodename=n1 state=drain
root: scontrol update nodename=n1 state=drain reason='two words'
alice: timeout 2 srun -w n1 true 2>&1 | head -1
alice: timeout 2 srun -N2 true 2>&1 | head -1
root: sinfo -R -h -o '%E|%u|%n|%T'
root: scontrol -o show node n1
root: sinfo -h -N -p main -o '%n %T %t'
root: scontrol update nodename=n1 state=resume
# Stock shows the node as not responding until it has answered a ping.
root: for i in $(seq 100); do sinfo -h -n n1 -o %T | grep -qx idle && break; sleep 0.2; done
root: sinfo -h -N -p main -o '%n %T %t'
root: scontrol update nodename=n1 state=resume
root: scontrol update nodename=n2 weight=9 comment=c extra=e
root: scontrol update nodename=n2 availablefeatures=amd,fast,new activefeatures=new
root: scontrol -o show node n2
root: scontrol update nodename=n1 state=undrain
root: scontrol update nodename=n1 state=down reason=broken
root: sinfo -R -h -o '%E|%u|%n'
root: scontrol update nodename=n9 state=resume
root: scontrol update nodename=n1 state=nonsense
root: scontrol update partitionname=short maxtime=2:00:00 state=inactive prioritytier=3 maxnodes=1 defaulttime=10
root: scontrol -o show partition short
alice: sbatch -p short --hold --wrap=true
root: scontrol update partitionname=short state=down
# Stock up to 24.05 says either, whether its scheduler has come to the job or not.
alice: timeout 2 srun -p short true 2>&1 | head -1 | sed 's/Required node not available (down, drained or reserved)/Partition in DOWN state/'
root: scontrol update partitionname=short state=up
alice: timeout 2 srun -p short -N2 true 2>&1 | head -1
root: scontrol create partitionname=new nodes=n2 maxtime=30 state=up
root: scontrol -o show partition new
root: scontrol create partitionname=new nodes=n2
root: scontrol update partitionname=new tresbillingweights=cpu=2
root: scontrol update partitionname=new tresbillingweights=cpu=abc
root: scontrol -o show partition new | grep -oE 'TRESBilling[^ ]*'
root: scontrol update partitionname=new tresbillingweights=
root: scontrol create partitionname=bad nodes=n9
root: scontrol update partitionname=new nodes=n1,n2 default=yes
root: sinfo -h -o '%P %N'
root: scontrol update partitionname=none state=up
alice: sbatch --hold -p new --wrap=true
root: scontrol delete partitionname=new
root: scancel -u alice
root: scontrol delete partitionname=new
root: scontrol delete partitionname=none
root: sinfo -h -o '%P %N'
root: scontrol create nodename=x1 state=cloud
root: scontrol create nodename=x1 cpus=2 realmemory=100 state=future
root: scontrol -o show node x1
root: scontrol delete nodename=x1
root: scontrol delete nodename=n1
root: scontrol setdebug verbose
root: scontrol show config | grep -E '^SlurmctldDebug '
root: scontrol setdebug nonsense
root: scontrol setdebugflags +backfill
root: scontrol show config | grep -E '^DebugFlags '
root: scontrol setdebugflags -backfill
root: scontrol schedloglevel 1
root: scontrol reconfigure
root: until scontrol ping 2>/dev/null | grep -q 'is UP'; do sleep 0.1; done; sinfo -h -o '%P %N'
root: scontrol -o show partition short
root: scontrol power down n1
root: scontrol cancel_reboot n1
root: scontrol show config | grep -E '^(HASH_VAL|NEXT_JOB_ID) '
# A job does not wait for partitions that take no jobs, and has the reason of the last of its own.
root: scontrol update partition=short state=inactive
alice: sbatch -Q -H -J open -p short,main -o /dev/null --wrap=true; squeue -h -n open -o '%P'; scancel -n open
alice: sbatch -Q -p short -o /dev/null --wrap=true
root: scontrol update partition=short state=up
root: scancel -u alice; for i in $(seq 50); do [ -z "$(squeue -h -t R,CG)" ] && break; sleep 0.2; done
alice: sbatch -Q -J all -N2 --exclusive -o /dev/null --wrap='sleep 300'; for i in $(seq 50); do [ "$(squeue -h -n all -o %t)" = R ] && break; sleep 0.2; done
alice: sbatch -Q -J both -p main,short -t 2:00:00 -o /dev/null --wrap=true; for i in $(seq 50); do squeue -h -n both -o %r | grep -q Limit && break; sleep 0.2; done; squeue -h -n both -o '%P %r'
