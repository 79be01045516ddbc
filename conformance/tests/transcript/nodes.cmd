# What becomes of nodes: each word of `scontrol update node state=`, a job, reboots, a changed slurm.conf.
# A node that is back in service is asked for nothing but its state before it has answered, and for no reason: 24.11 without
# accounting never takes a reason away.
root: scontrol update nodename=n2 state=fail
root: scontrol update nodename=n2 state=fail reason=f
root: sinfo -h -N -n n2 -p main -o '%T %t %E'
root: scontrol update nodename=n2 state=drain reason=d
root: sinfo -h -N -n n2 -p main -o '%T %t %E'
root: scontrol -o show node n2 | grep -oE 'State=[^ ]*|Reason=[^[]*'
root: scontrol update nodename=n2 state=undrain
root: until sinfo -h -n n2 -p main -o %T | grep -qx idle; do sleep 0.2; done
root: scontrol update nodename=n2 state=undrain
root: until sinfo -h -n n2 -p main -o %T | grep -qx idle; do sleep 0.2; done
root: scontrol update nodename=n2 state=idle
root: scontrol update nodename=n2 state=alloc
root: scontrol update nodename=n2 state=mixed
root: scontrol update nodename=n2 state=unknown
root: scontrol update nodename=n2 state=error
root: scontrol update nodename=n2 state=power_down
root: scontrol update nodename=n2 state=power_up
root: scontrol update nodename=n2 state=power_down_asap
root: scontrol update nodename=n2 state=power_down_force
root: scontrol update nodename=n2 state=down
root: scontrol update nodename=n2 state=down reason=x
root: scontrol update nodename=n2 state=drain reason=y
root: sinfo -h -R -o '%E|%u|%N|%T|%t'
root: sinfo -h -R -l | awk '{print $1, $2, $4, $5}'
root: scontrol -o show node n2 | grep -oE 'State=[^ ]*|Reason=[^[]*|ResumeAfterTime=[^ ]*'
root: scontrol update nodename=n2 state=resume
root: until sinfo -h -n n2 -p main -o %T | grep -qx idle; do sleep 0.2; done
root: scontrol update nodename=n2 state=down reason=again resumeafter=3600
root: scontrol -o show node n2 | grep -oE 'State=[^ ]*|Reason=[^[]*|ResumeAfterTime=[^ ]*'
root: scontrol update nodename=n2 state=idle
root: scontrol -o show node n2 | grep -oE 'State=[^ ]*|ResumeAfterTime=[^ ]*'
root: scontrol update nodename=n2 state=future
root: scontrol show node n2
root: scontrol -F -o show node n2 | grep -oE 'NodeName=[^ ]*|State=[^ ]*'
root: sinfo -h -N -o '%N %T'
root: scontrol update nodename=n2 state=resume
root: until sinfo -h -n n2 -p main -o %T | grep -qx idle; do sleep 0.2; done
root: scontrol update nodename=n1,n2 weight=4
root: scontrol -o show node | sed 's/Reason=.*//; s/BootTime=[^ ]*//'
root: scontrol update nodename=n2 reason=
root: scontrol update nodename=n1 nodeaddr=n1 nodehostname=n1
root: scontrol update nodename=n1 activefeatures=none
root: scontrol update nodename=n1 comment=c extra=e
root: scontrol update nodename=n1 comment= extra=
root: scontrol -o show node n1 | sed 's/Reason=.*//'
# A node in use.
alice: touch go
alice: sbatch -o /dev/null -n3 --mem=300 -w n1 --wrap='while [ -e go ]; do sleep 0.2; done'
root: until squeue -h -t R | grep -q .; do sleep 0.2; done
root: scontrol -o show node n1 | grep -oE 'CPUAlloc=[^ ]*|AllocMem=[^ ]*|AllocTRES=[^ ]*|State=[^ ]*|CPUEfctv=[^ ]*|CurrentWatts=[^ ]*'
root: scontrol -d -o show node n1 | grep -oE 'Gres[^ ]*=[^ ]*'
root: sinfo -h -N -n n1 -p main -o '%N|%C|%O|%T|%t|%e' | cut -d'|' -f1,2,4,5
root: sinfo -h -p main -o '%C %A %F %T'
root: sinfo -h -N -n n1 -p main -O AllocMem,AllocNodes,CPUsState,StateCompact
root: scontrol update nodename=n1 state=idle
root: scontrol update nodename=n1 state=future
root: scontrol update nodename=n1 state=drain reason=later
root: sinfo -h -N -n n1 -p main -o '%N|%C|%T|%t|%E'
root: scontrol -o show node n1 | grep -oE 'State=[^ ]*|Reason=[^[]*'
root: scontrol delete nodename=n1
root: scontrol reboot asap nextstate=resume reason=kernel n1
root: scontrol -o show node n1 | grep -oE 'State=[^ ]*|Reason=[^[]*|NextState=[^ ]*'
root: sinfo -h -N -n n1 -p main -o '%T|%t|%E'
root: scontrol reboot n1
root: scontrol cancel_reboot n1
root: scontrol cancel_reboot n1
root: scontrol -o show node n1 | grep -oE 'State=[^ ]*'
root: scontrol reboot n9
root: scontrol reboot nextstate=nonsense n1
alice: scontrol reboot n1
alice: rm go
# Under stock a node has been seen to complete its job for up to half a minute.
root: for i in $(seq 60); do sinfo -h -n n1 -p main -o %T | grep -qx drained && break; sleep 0.2; done
root: for i in $(seq 60); do sinfo -h -n n1 -p main -o %T | grep -qx drained && break; sleep 0.2; done
root: for i in $(seq 60); do sinfo -h -n n1 -p main -o %T | grep -qx drained && break; sleep 0.2; done
root: scontrol -o show node n1 | grep -oE 'CPUAlloc=[^ ]*|AllocMem=[^ ]*|AllocTRES=[^ ]*|State=[^ ]*'
root: scontrol update nodename=n1 state=resume
root: until sinfo -h -n n1 -p main -o %T | grep -qx idle; do sleep 0.2; done
alice: touch go
alice: sbatch -o /dev/null -w n1 --wrap='while [ -e go ]; do sleep 0.2; done'
root: until squeue -h -t R | grep -q .; do sleep 0.2; done
root: scontrol reboot n1
root: scontrol -o show node n1 | grep -oE 'State=[^ ]*|NextState=[^ ]*'
root: sinfo -h -N -n n1 -p main -o '%T|%t'
root: scontrol reboot asap n1
root: scontrol cancel_reboot n1
root: scontrol reboot nextstate=down reason=why n1
root: scontrol -o show node n1 | grep -oE 'State=[^ ]*|Reason=[^[]*|NextState=[^ ]*'
root: scontrol cancel_reboot n1
alice: rm go
root: for i in $(seq 60); do sinfo -h -n n1 -p main -o %T | grep -qx idle && break; sleep 0.2; done
root: for i in $(seq 60); do sinfo -h -n n1 -p main -o %T | grep -qx idle && break; sleep 0.2; done
root: for i in $(seq 60); do sinfo -h -n n1 -p main -o %T | grep -qx idle && break; sleep 0.2; done
# The file grows and shrinks.
root: printf 'NodeName=y[1-2] NodeAddr=n[1-2] CPUs=1 State=DOWN Reason=absent\nPartitionName=more Nodes=y1,n1\n' >> /etc/slurm/slurm.conf
root: scontrol reconfigure
root: until sinfo -h -p more -o %T 2>/dev/null | grep -qx idle; do sleep 0.1; done; until sinfo -h -p main -o '%D %T' | grep -qx '2 idle'; do sleep 0.1; done; sinfo -h -o '%P %D %N %T' -S +P,+N
root: scontrol -o show node y2
root: scontrol -o show partition more
root: sinfo -h -R -o '%E|%n|%T' | sort
root: sed -i '/y\[1-2\]/d; /=more/d' /etc/slurm/slurm.conf
root: scontrol reconfigure
root: until ! sinfo -h -o %P 2>/dev/null | grep -q more; do sleep 0.1; done; until sinfo -h -p main -o '%D %T' | grep -qx '2 idle'; do sleep 0.1; done; sinfo -h -o '%P %D %N %T'
root: scontrol show node y1
root: scontrol -o show node n2 | sed 's/Reason=.*//'
