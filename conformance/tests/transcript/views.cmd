# Jobs in all the ways that one can look at them: waiting, running, ended, arrays.
alice: printf '#!/bin/sh\nsleep 100\n' > job.sh
alice: sbatch -J run -w n1 -c 2 --mem=200 -t 30 -o out.%j --comment='c c' job.sh
alice: sbatch -J two -N 2 -n 2 --mem-per-cpu=50 -t 1:00:00 job.sh
alice: sbatch -J excl -w n2 --exclusive --nice=5 job.sh
alice: sbatch -J dep -d afterok:1 job.sh
alice: sbatch -J badd -d afterok:1:2,afterany:3 -t 5 job.sh
alice: sbatch -J begin --begin=2035-01-01T00:00:00 -t 5 job.sh
alice: sbatch --array=0-999%3 -J arr --hold -t 5 job.sh
alice: sbatch --array=1,3,5-9:2,20-40:5 -J odd --begin=2035-01-01T00:00:00 -t 5 job.sh
alice: sbatch -J big -N 2 --exclusive -t 10 job.sh
alice: until [ $(squeue -h -t R | wc -l) = 2 ]; do sleep 0.2; done; sleep 6
alice: squeue -S i | sed 's/ [0-9]:[0-9][0-9] / TIME /'
alice: squeue -l -S i | sed 's/ [0-9]:[0-9][0-9] / TIME /'
alice: squeue -r -h -S i | wc -l
alice: squeue -r -h -j 7 -S K | head -3
alice: squeue -r -h -j 8 -S i -o '%i %K %F %A %t %r'
alice: squeue -h -j 7 -o '%i %K %F %A %t %r %y'
alice: squeue -h -j 7_5 -o '%i %t'
alice: squeue -h -j 7_5,8_3 -r -o '%i %t'
alice: squeue -h -S i -o %all | sed 's/|[0-9]*:[0-9][0-9]|0:[0-9][0-9]|/|LEFT|USED|/'
alice: squeue -h -S i -o '%.7i %.9P %.8j %.8u %.2t %.10l %.6D %R'
alice: squeue -S i -h -O JobID:.10,Name:.10,tres-alloc:40,tres-per-job:10,cpus-per-task:5,MinTmpDisk:5,NodeList:10,Reservation:10,Partition:10,Account:8,QOS:8,GroupName:8,UserID:8,PriorityLong:12,Nice:5,Contiguous:4,ThreadsPerCore:4,SCT:10
alice: squeue -S i -h -O ArrayJobID:8,ArrayTaskID:30,BatchFlag:3,BatchHost:8,Command:24,DelayBoot:5,Deadline:8,Dependency:60
alice: squeue -S i -h -O EligibleTime:22,GroupID:8,HetJobID:8,Licenses:8,MaxCPUs:5,MaxNodes:5,MinCpus:4,MinMemory:7,NTPerBoard:4,NTPerCore:4,NTPerNode:4,NTPerSocket:4
alice: squeue -S i -h -O NumCPUs:4,NumNodes:4,NumTasks:4,OriginCluster:5,PreemptTime:5,Profile:5,Reason:16,ReasonList:16,ReqNodes:6,Requeue:3,ResizeTime:5,RestartCnt:3,SchedNodes:8
alice: squeue -S i -h -O STDERR:40,STDIN:12,STDOUT:40,Shared:5,SiteFactor:4,State:10,StateCompact:4,SubmitTime:22,TimeLimit:12,WCKey:6,WorkDir:12,cpus-per-tres:5,mem-per-tres:5,tres-bind:5,tres-freq:5,tres-per-node:5,tres-per-socket:5,tres-per-task:5
alice: squeue --start -S i -h -o '%i %Y %D %R' | sed 's/ [^ ]*T[^ ]* / /'
alice: squeue -w n1 -S i -h -o %i
alice: squeue -w n2 -S i -h -o %i
alice: squeue -t R,CG -S i -h -o %i
alice: squeue -t PD -S p,i -h -o %i
alice: squeue -A none -h
alice: squeue -q none -h
alice: squeue -R none -h
alice: squeue -L none -h
alice: squeue --me -n run,two -S i -h -o '%i %j %T %M' | sed 's/ [0-9:]*$//'
alice: squeue --name=dep -h -o '%i %E'
alice: scontrol show job -d 1
alice: scontrol -d show job 2
alice: scontrol -o show job 4
alice: scontrol -o show job 6
alice: scontrol show job 7
alice: scontrol -o show job 7_17
alice: scontrol -o show job 8_5
alice: scontrol -o show job 8_[1-5]
alice: scontrol -o show job 8
alice: scontrol show job 8_2
alice: scontrol -o show job | wc -l
alice: scontrol -d -o show job 3
alice: scontrol show jobid=2 -o
alice: scontrol show job nonsense
alice: scontrol listpids 1 n1
alice: scontrol release 7
# Stock starts one task in a pass, ours three.
alice: until [ $(squeue -h -j 7 -t R | wc -l) = 3 ]; do sleep 0.2; done; sleep 2
alice: squeue -h -j 7 -o '%t %r %K' | sort | uniq -c | head -4
alice: scontrol hold 8_3
alice: squeue -h -j 8 -S i -o '%i %t %r'
alice: scontrol release 8_3
alice: scontrol update jobid=8_5 timelimit=9
alice: squeue -h -j 8 -S K -o '%K %l'
alice: scontrol update jobid=8 timelimit=4 arraytaskthrottle=1
alice: squeue -h -j 8 -S K -o '%K %l'
alice: scancel 8_[7-20]
alice: squeue -h -j 8 -S K -o '%K %t'
alice: scancel 8_99
alice: scancel 8_1 8_25
alice: squeue -h -j 8 -r -S K -o '%K %t'
root: sinfo -h -N -o '%N %C %t' -p main
root: scontrol -o show node n1 | sed 's/ CPULoad=[^ ]*//; s/FreeMem=[^ ]*//'
alice: scancel 7 8 9
alice: scancel 1
alice: until [ -z "$(squeue -h -j 1 -t R,CG)" ]; do sleep 0.2; done; sleep 2
alice: scontrol --oneliner show job 1
alice: scontrol -o show job 4
alice: squeue -h -j 1 -t all -o '%i %t %r %N %B'
alice: scancel -u alice; until [ -z "$(squeue -h)" ]; do sleep 0.2; done
alice: squeue -t all -h -S i -o '%i %j %T %r %N' | grep -v arr | grep -v odd
