# Jobs of partitions of a higher tier push others aside: the cluster's PreemptMode is CANCEL, that of back REQUEUE, that of safe OFF;
# kind lets jobs have four seconds.
root: scontrol show config | grep -i preempt
root: scontrol -o show partition
alice: printf '#!/bin/sh\nwhile [ -e go ]; do sleep 0.2; done\n' > job.sh; touch go
alice: printf '#!/bin/sh\ntrap "echo told; trap - TERM" TERM\nwhile [ -e go ]; do sleep 0.2; done\n' > told.sh
# Cancelled.
alice: sbatch -t 10 -n4 -w n1 -o a.out job.sh
alice: sbatch -t 10 -n4 -w n2 -o a2.out job.sh
alice: until [ $(squeue -h -t R | wc -l) = 2 ]; do sleep 0.2; done; sleep 1
alice: scontrol --oneliner show job 1
bob: sbatch -p high -t 10 -n4 -w n1 -o b.out --wrap 'sleep 1'
bob: for i in $(seq 60); do [ -z "$(squeue -h -j 3 -t PD,R,CG)" ] && break; sleep 0.2; done
alice: squeue -h -t all -S i -o '%i %T %t %r %N'
alice: scontrol --oneliner show job 1 | grep -oE '(JobState|Reason|ExitCode|Requeue|Preempt[A-Za-z]*|DerivedExitCode|NodeList|BatchHost|Priority|Dependency)=[^ ]*'
alice: grep -o 'JOB .*' a.out | sed 's/ AT [^ ]*//'
alice: scancel 2
# Requeued, and cancelled where it may not be.
alice: sbatch -p back -t 10 -n4 -w n1 --requeue -o c.out job.sh
alice: sbatch -p back -t 10 -n4 -w n2 --no-requeue -o d.out job.sh
alice: until [ $(squeue -h -t R | wc -l) = 2 ]; do sleep 0.2; done; sleep 1
bob: sbatch -p high -t 10 -n8 -o b.out --wrap 'sleep 3'
alice: for i in $(seq 60); do [ -n "$(squeue -h -j 6 -t R)" ] && break; sleep 0.2; done
alice: squeue -h -t all -S i -o '%i %T %t %r %N'
alice: scontrol -o show job 4 | sed 's/NumNodes=[^ ]*//'
alice: scontrol -o show job 5
alice: grep -ho 'JOB .*' c.out d.out | sed 's/ AT [^ ]*//'
root: sleep 3; scancel 4
# Nobody pushes these aside; which partition a job is of decides, not its priority.
alice: sbatch -p safe -t 10 -n4 -w n1 -o e.out job.sh
alice: sbatch -p main -t 10 -n4 -w n2 -o e.out job.sh
alice: until [ $(squeue -h -t R | wc -l) = 2 ]; do sleep 0.2; done; sleep 1
bob: sbatch -p high -t 10 -n4 -w n1 -o b.out --wrap 'sleep 1'
bob: sbatch -p back -t 10 -n4 -w n2 -o b.out --wrap 'sleep 1'
root: scontrol update job 10 priority=4000000000
bob: sbatch -p high -t 10 -n8 -o b.out --wrap 'sleep 1'
alice: sleep 3; squeue -h -S i -o '%i %P %T %r %N'
root: scancel 7 8 9 10 11; sleep 2
# Told before, and given time.
alice: sbatch -p kind -t 10 -n4 -w n1 -o f.out told.sh
alice: until [ $(squeue -h -t R | wc -l) = 1 ]; do sleep 0.2; done; sleep 1
bob: sbatch -p high -t 10 -n4 -w n1 -o b.out --wrap 'sleep 1'
alice: sleep 2; squeue -h -t all -j 12,13 -S i -o '%i %T %t %r %N'
alice: scontrol --oneliner show job 12
alice: scontrol update job 12 timelimit=5
alice: for i in $(seq 60); do [ -n "$(squeue -h -j 13 -t R,CD)" ] && break; sleep 0.3; done; sleep 3
alice: squeue -h -t all -j 12,13 -S i -o '%i %T %t %r %N'
alice: scontrol --oneliner show job 12
alice: grep -oE 'JOB .*|told' f.out | sed 's/ AT [^ ]*//'
# As few as will do.
alice: for i in 1 2 3 4; do sbatch -Q -p back -t 10 -n1 --mem=10 -w n1 -o /dev/null job.sh; sleep 1; done
alice: sbatch -Q -p back -t 10 -n2 --mem=10 -w n2 -o /dev/null job.sh; sleep 1; sbatch -Q -p back -t 10 -n2 -w n2 -o /dev/null job.sh
alice: until [ $(squeue -h -t R | wc -l) = 6 ]; do sleep 0.2; done; sleep 1
bob: sbatch -p high -t 10 -n2 -N1 --mem=20 -o /dev/null --wrap 'sleep 2'
bob: sleep 2; squeue -h -S i -o '%i %P %T %r %N'
