# What is done to jobs that run, beside ending them.
alice: printf '#!/bin/sh\nwhile [ -e go ]; do sleep 0.2; done\n' > job.sh; touch go
alice: sbatch -t 10 -n4 -w n1 -o out.%j job.sh
alice: until [ $(squeue -h -t R | wc -l) = 1 ]; do sleep 0.2; done; sleep 1
bob: scontrol suspend 1
root: scontrol resume 1
root: scontrol suspend 1
root: scontrol suspend 1
root: sleep 1; scontrol --oneliner show job 1
root: squeue -h -o '%i %t %T %r %Q %C %D %N'
root: scontrol -o show node n1 | sed 's/FreeMem=[^ ]*//'
root: sinfo -h -N -n n1 -p main -o '%T %t %C'
root: scontrol show step 1
alice: scontrol notify 1 hello
alice: sbatch -n4 -w n1 -o out.%j --wrap=true
root: until [ -z "$(squeue -h -j 2 -t PD,R,CG)" ]; do sleep 0.2; done; scontrol -o show job 2 | grep -oE 'JobState=[^ ]*'
alice: sbatch --exclusive -w n1 -o out.%j --wrap=true
root: for i in $(seq 40); do [ -z "$(squeue -h -j 3 -t PD,R,CG)" ] && break; sleep 0.2; done; scontrol -o show job 3 | grep -oE 'JobState=[^ ]*'
# Stock does not count the cores of a job that goes on.
root: scontrol resume 1
root: scontrol resume 1
root: scontrol --oneliner show job 1
alice: scontrol notify 1 hello
bob: scontrol notify 1 hello
alice: scontrol listpids 1 n1
alice: scontrol top 1
root: scontrol top 1
root: scontrol top 9999
alice: sbatch --hold -J a job.sh; sbatch -w n9 -J b job.sh; sbatch -w n1 -n4 -J c job.sh; sbatch -w n1 -n4 -J d job.sh
root: sleep 2; squeue -h -S i -o '%i %j %t %Q %r %y'
root: scontrol top 6
root: squeue -h -S i -o '%i %j %Q %y'
root: scontrol top 5,6
root: squeue -h -S i -o '%i %j %Q %y'
root: scontrol top 4
bob: scontrol requeue 1
alice: scontrol requeue 1
root: sleep 6; scontrol --oneliner show job 1 | sed 's/NumNodes=[^ ]*//'
alice: scontrol requeue 1
alice: scontrol requeuehold 1
root: sleep 1; scontrol --oneliner show job 1 | sed 's/NumNodes=[^ ]*//'
# Stock forgets why a job waits when it is let go, until its scheduler looks at it again.
alice: scontrol release 1
root: scontrol --oneliner show job 1 | sed 's/ Reason=[^ ]*//; s/NumNodes=[^ ]*//'
alice: scancel 4 5 6
alice: sbatch -t 5 -w n2 --no-requeue -o out.%j job.sh
root: until [ $(squeue -h -t R | wc -l) = 1 ]; do sleep 0.2; done; sleep 1
alice: scontrol requeue 7
alice: scontrol requeuehold 7
root: scontrol requeue 7
root: scontrol suspend 7
alice: scontrol requeue 7
root: scancel 7
root: sleep 6; scontrol -o show job 7
alice: sbatch -t 5 -w n2 -o out.%j job.sh
root: until [ $(squeue -h -t R | wc -l) = 1 ]; do sleep 0.2; done; sleep 1
alice: scontrol requeuehold 8
root: sleep 6; scontrol -o show job 8 | sed 's/NumNodes=[^ ]*//'
alice: scontrol release 8
root: scontrol -o show job 8 | grep -oE 'Priority=[^ ]*|JobState=[^ ]*|Restarts=[^ ]*'
root: scontrol requeuehold state=SpecialExit 8
root: scontrol -o show job 8 | grep -oE 'Priority=[^ ]*|JobState=[^ ]*|Restarts=[^ ]*'
alice: rm go
alice: sbatch -w n2 -o out.%j --wrap=true
root: until [ -z "$(squeue -h -t R,CG)" ]; do sleep 0.2; done; sleep 1
alice: scontrol requeue 9
alice: scontrol requeuehold 9
root: scontrol -o show job 9 | grep -oE 'Priority=[^ ]*|JobState=[^ ]*|Restarts=[^ ]*'
root: scontrol requeuehold state=SpecialExit 9
root: scontrol -o show job 9 | grep -oE 'Priority=[^ ]*|JobState=[^ ]*|Restarts=[^ ]*'
# A job gives nodes back while it runs.
alice: salloc -Q --no-shell -N2 -t 10 -J wide
alice: scontrol update jobname=wide numnodes=3
alice: scontrol update jobname=wide nodelist=n9
alice: scontrol update jobname=wide nodelist=
alice: scontrol update jobname=wide numnodes=1
alice: cat slurm_job_*_resize.sh
root: scontrol -o show job $(squeue -h -n wide -o %i) | sed 's/NumTasks=[^ ]*//'
root: for i in $(seq 40); do sinfo -h -n n2 -o %t | grep -q idle && break; sleep 0.2; done; sinfo -h -N -o '%n %t'
root: scancel -n wide
