# Labels of jobs, and nodes that are shared under one of them. Jobs have names, since stock gives those that it refuses numbers.
root: printf '#!/bin/sh\nsqueue 2>/dev/null -h -S j -O Name:8,StateCompact:4,MCSLabel:8,Reason:20,NodeList:8,UserName:8\n' > /usr/bin/labels; chmod +x /usr/bin/labels
root: printf '#!/bin/sh\nsed -i "/^MCS/d;/^PrivateData/d" /etc/slurm/slurm.conf; printf "%%s\\n" "$@" >> /etc/slurm/slurm.conf; scontrol reconfigure; sleep 1; for i in $(seq 50); do [ "$(sinfo 2>/dev/null -h -N -p main -t idle,mix,alloc -o %%N | wc -l)" = 2 ] && break; sleep 0.2; done; scontrol show config | grep -E "^(MCS|PrivateData)"\n' > /usr/bin/again; chmod +x /usr/bin/again
root: printf '#!/bin/sh\nfor i in $(seq 75); do [ $(squeue 2>/dev/null -h -t R | wc -l) = $1 ] && exit; sleep 0.2; done; echo "not $1 run"\n' > /usr/bin/running; chmod +x /usr/bin/running
root: printf '#!/bin/sh\nscancel $(squeue -h -o %%A) 2>/dev/null; for i in $(seq 75); do [ -z "$(squeue -h 2>/dev/null)" ] && exit; sleep 0.2; done; echo not all are gone\n' > /usr/bin/gone; chmod +x /usr/bin/gone
alice: scontrol show config | grep ^MCS
alice: sbatch -Q --mcs-label=nope -o /dev/null --wrap=true
alice: sbatch -Q --mcs-label=bob -o /dev/null --wrap=true
alice: sbatch -Q --test-only --mcs-label=root -o /dev/null --wrap=true
carol: sbatch -Q --mcs-label=staff -o /dev/null --wrap=true
alice: srun -Q --mcs-label=nope true
alice: salloc -Q --mcs-label=2002 true
root: sbatch -Q --exclusive=mcs -o /dev/null --wrap=true
alice: sbatch -Q -J p1 -w n1 -o /dev/null --wrap='sleep 300'
alice: sbatch -Q -J a1 -w n2 --exclusive=mcs -o /dev/null --wrap='sleep 300'
bob: sbatch -Q -J b1 -w n2 --exclusive=mcs -o /dev/null --wrap='sleep 300'
alice: sbatch -Q -J a2 -w n1 --mcs-label=2001 -o /dev/null --wrap='sleep 300'
root: running 4; labels
bob: sbatch -Q -J b2 -w n1 --exclusive=mcs -o /dev/null --wrap='sleep 300'
root: sleep 2; labels
bob: scancel -n b2; sleep 1
alice: sbatch -Q -J a3 -w n2 --exclusive=mcs --mcs-label=alice -o /dev/null --wrap='sleep 300'
root: sleep 2; labels; scancel -n a3; sleep 1
alice: sbatch -Q -J a3 -w n2 --mcs-label=staff -o /dev/null --wrap='sleep 300'
root: sleep 2; labels; scancel -n a3; sleep 1
alice: sbatch -Q -J a3 -w n2 -o /dev/null --wrap='sleep 300'
root: sleep 2; labels
alice: scontrol show node | grep -o 'MCS_label=[^ ]*'
alice: scontrol show job | grep -oE 'JobName=.*|MCS_label=.*|OverSubscribe=[^ ]*'
alice: scancel -n a1; sleep 2; labels
bob: scancel -n b1
root: sleep 4; labels
alice: scontrol show node | grep -o 'MCS_label=[^ ]*'
root: gone
# Who shares the label sees the job; who has none is seen by all.
root: again 'MCSPlugin=mcs/group' 'MCSParameters=ondemand,privatedata:staff|alice|bob|carol' 'PrivateData=jobs'
alice: sbatch -Q -J p1 -w n1 -o /dev/null --wrap='sleep 300'
alice: sbatch -Q -J a2 -w n1 --mcs-label=2001 -o /dev/null --wrap='sleep 300'
alice: sbatch -Q -J s1 --exclusive=mcs -w n2 -o /dev/null --wrap='sleep 300'
carol: sbatch -Q -J c1 --mcs-label=carol -w n1 -o /dev/null --wrap='sleep 300'
root: running 4; labels
alice: labels
bob: labels
carol: labels
bob: scontrol -o show job $(squeue -h -n s1 -o %A) | grep -o 'JobName=[^ ]*'
carol: scontrol show job $(squeue -h -n s1 -o %A) | grep -o 'JobName=.*'
carol: squeue -s -h -o '%j %u' | sort
bob: squeue -s -h -o '%j %u' | sort
root: gone
# Every job has a label, which closes nothing.
root: again 'MCSPlugin=mcs/group' 'MCSParameters=enforced,noselect:staff|alice|bob'
carol: sbatch -Q -o /dev/null --wrap=true
alice: sbatch -Q -J e1 -w n1 -o /dev/null --wrap='sleep 300'
bob: sbatch -Q -J e2 -w n1 --mcs-label=bob --exclusive=mcs -o /dev/null --wrap='sleep 300'
root: running 2; labels; scontrol show node | grep -o 'MCS_label=[^ ]*'
root: gone
# Users, all of whose jobs close their nodes.
root: again 'MCSPlugin=mcs/user' 'MCSParameters=enforced,select'
alice: sbatch -Q --mcs-label=bob -o /dev/null --wrap=true
alice: sbatch -Q -J u1 -o /dev/null --wrap='sleep 300'
alice: sbatch -Q -J u2 -o /dev/null --mcs-label=alice --wrap='sleep 300'
bob: sbatch -Q -J u3 -o /dev/null --wrap='sleep 300'
root: running 3; labels; scontrol show node | grep -o 'MCS_label=[^ ]*'
carol: sbatch -Q -J u4 -t 5 -o /dev/null --wrap='sleep 300'
carol: sbatch -Q -J u5 -t 5 -N 2 -o /dev/null --wrap='sleep 300'
root: sleep 3; labels
carol: sbatch --test-only -o /dev/null --wrap=true 2>&1 | sed 's/.* on nodes/on nodes/'
bob: scancel -n u3
root: running 3; labels; scontrol show node | grep -o 'MCS_label=[^ ]*'
root: gone
# Accounts.
root: again 'MCSPlugin=mcs/account' 'MCSParameters=ondemand,select,privatedata' 'PrivateData=jobs'
alice: sbatch -Q -A phys --mcs-label=chem -o /dev/null --wrap=true
alice: sbatch -Q -A phys --mcs-label=phys -J k1 -w n1 -o /dev/null --wrap='sleep 300'
bob: sbatch -Q -A chem --exclusive=mcs -J k2 -w n2 -o /dev/null --wrap='sleep 300'
bob: sbatch -Q -A phys --exclusive=mcs -J k3 -w n1 -o /dev/null --wrap='sleep 300'
carol: sbatch -Q --exclusive=mcs -J k4 -w n1 -o /dev/null --wrap='sleep 300'
root: running 3; sleep 2; labels; scontrol show node | grep -o 'MCS_label=[^ ]*'
carol: labels
root: gone
# Any text.
root: again 'MCSPlugin=mcs/label' 'MCSParameters=privatedata' 'PrivateData=jobs'
alice: sbatch -Q --mcs-label=secret --exclusive=mcs -J l1 -w n1 -o /dev/null --wrap='sleep 300'
bob: sbatch -Q --mcs-label=secret --exclusive=mcs -J l2 -w n1 -o /dev/null --wrap='sleep 300'
bob: sbatch -Q --mcs-label=other --exclusive=mcs -J l3 -w n1 -o /dev/null --wrap='sleep 300'
root: running 2; sleep 2; labels; scontrol show node | grep -o 'MCS_label=[^ ]*'
carol: labels
# A node that is stopped keeps its label.
root: scontrol suspend $(squeue -h -n l1 -o %A); scontrol suspend $(squeue -h -n l2 -o %A); sleep 3; labels; scontrol show node n1 | grep -o 'MCS_label=[^ ]*'
root: gone; scontrol show node n1 | grep -o 'MCS_label=[^ ]*'
# Without a plugin a label is a text too.
root: again 'MCSPlugin=mcs/none' 'MCSParameters=enforced'
alice: sbatch -Q --mcs-label=secret --exclusive=mcs -J m1 -w n1 -o /dev/null --wrap='sleep 300'
bob: sbatch -Q --mcs-label=other --exclusive=mcs -J m2 -w n1 -o /dev/null --wrap='sleep 300'
root: running 1; sleep 2; labels; scontrol show node n1 | grep -o 'MCS_label=[^ ]*'
root: gone
