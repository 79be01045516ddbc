# Jobs that wait, are changed, and go. They are held, so that no clock decides what is printed.
alice: printf '#!/bin/sh\n#SBATCH --comment=from-script\necho one\n' > job.sh
alice: sbatch --hold job.sh
alice: sbatch --hold --parsable -J named --comment='two words' -t 1:30 -n 2 -N 1-2 -c 2 --mem=300 -p short --nice=7 job.sh
alice: sbatch --hold -C amd --mail-type=END,FAIL --mail-user=a@example.org -o out.%j -e err.%j --open-mode=append --no-requeue job.sh
alice: sbatch --hold -w n2 -x n1 --exclusive --deadline=2030-01-01T00:00:00 -A none --wckey=w job.sh
alice: sbatch --hold --array=1-5:2%2 -J arr job.sh
alice: sbatch --begin=2035-01-01T00:00:00 --mem-per-cpu=50 --ntasks-per-node=2 -N 2 job.sh
alice: sbatch --hold -d afterok:1,afternotok:2 job.sh
alice: sbatch --hold -d singleton -J named --signal=B:USR1@30 --use-min-nodes --wrap='echo wrapped'
alice: sbatch --hold --export=NONE --chdir=/tmp --time-min=10 -t 20 --spread-job --wrap=true
alice: sbatch --hold --ntasks-per-core=1 --sockets-per-node=1 --cores-per-socket=2 --threads-per-core=1 --mincpus=2 --tmp=0 --wrap=true
alice: sbatch --hold --contiguous --oversubscribe --core-spec=1 --distribution=cyclic --wrap=true
alice: sbatch --hold --input=/dev/zero --kill-on-invalid-dep=yes --container=none --extra=e --delay-boot=5 --wrap=true
alice: squeue -o '%i|%j|%u|%P|%t|%r|%D|%C|%m|%l|%Q|%f|%E|%Z|%k|%n|%x|%h|%H|%I|%J|%K|%F|%A|%a|%c|%d|%e|%G|%g|%L|%N|%O|%o|%q|%R|%S|%T|%U|%v|%V|%W|%w|%X|%Y|%y|%z|%p|%B|%b'
alice: squeue
alice: squeue -l -h -r
alice: squeue --start
alice: squeue -u bob
alice: squeue -u nosuch
alice: squeue -j 1,2 -h
alice: squeue -j 9999
alice: squeue -p short -h
alice: squeue -t PD -h -n named
alice: squeue -h -O JobID,JobArrayID,Name,UserName,State,Reason,NumNodes,NumCPUs,MinMemory,TimeLimit,PriorityLong,Dependency,StdOut,StdErr,StdIn,tres-alloc,tres-per-node,WorkDir,Comment,Feature,Nice,Requeue,SubmitTime,exit_code,Cluster,MaxNodes,MinCpus,OverSubscribe
alice: scontrol -o show job 1
alice: scontrol -o show job 2
alice: scontrol -o show job 3
alice: scontrol -o show job 4
alice: scontrol -o show job 5
alice: scontrol -o show job 6
alice: scontrol -o show job 7
alice: scontrol -o show job 8
alice: scontrol -o show job 9
alice: scontrol -o show job 10
alice: scontrol -o show job 11
alice: scontrol -o show job 12
alice: scontrol show job 5_3
alice: scontrol show job 5_99
alice: scontrol write batch_script 1 -
alice: scontrol write batch_script 8 -
alice: scontrol write batch_script 9999 -
bob: scontrol write batch_script 1 -
# Stock says "Resource temporarily unavailable" while its scheduler looks at the job's partitions.
alice: until scontrol update jobid=1 timelimit=5 comment=changed jobname=renamed nice=3 numcpus=2 partition=short 2>/dev/null; do sleep 0.3; done
alice: scontrol -o show job 1
alice: scontrol update jobid=1 nice=-5
alice: scontrol update jobid=1 priority=100
alice: scontrol update jobid=1 partition=none
alice: scontrol update jobid=1 requeue=0 features=fast dependency=afterany:2 eligibletime=2035-01-01T00:00:00
alice: scontrol -o show job 1
alice: scontrol update jobid=9999 timelimit=5
bob: scontrol update jobid=1 timelimit=5
bob: scontrol hold 1
bob: scontrol release 1
bob: scontrol requeue 1
bob: scancel 1
bob: scancel --signal=USR1 1
root: scontrol update jobid=1 priority=100
root: scontrol -o show job 1
root: scontrol hold 1
root: scontrol -o show job 1
alice: scontrol release 1
root: scontrol release 1
# Stock gives no reason until its scheduler has looked at the job.
root: until scontrol show job 1 | grep -q Reason=Dependency; do sleep 0.3; done
root: scontrol -o show job 1
alice: scontrol hold 1
root: scontrol -o show job 1
alice: scontrol release 9999
alice: scontrol hold 9999
alice: scontrol requeue 1
alice: scontrol requeuehold 1
alice: scontrol suspend 1
root: scontrol suspend 1
root: scontrol resume 1
alice: scontrol top 1
alice: scontrol notify 1 hello
alice: scontrol show job 5 | grep -c JobId
alice: scancel 5_1
alice: squeue -h -j 5 -o '%i %t %r'
alice: scancel --ctld -v 5_2 6
alice: scancel --ctld 9999
alice: squeue -h -j 5,6,7 -o '%i %t %r'
alice: scontrol update jobid=3 mailuser= mailtype=begin,end
alice: scontrol -o show job 3 | grep -oE 'MailUser.*'
alice: scancel 9999
alice: scancel abc
alice: scancel -n named
alice: squeue -h -o '%i %j %t' -S i
alice: scancel -t PENDING -p short
alice: squeue -h -o '%i %j %t' -S i
root: scancel -u alice
alice: squeue -h
alice: scancel 1
alice: scontrol -o show job 2
alice: scontrol update jobid=2 timelimit=5
alice: scontrol hold 2
alice: scontrol release 2
alice: sbatch --hold job.sh && true
alice: scontrol update jobid=11 numnodes=99
