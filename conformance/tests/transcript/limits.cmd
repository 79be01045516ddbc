# Jobs that ask for more than their partition has, or gives to one job: they are queued, each with its
# reason, and go when the partition changes.
alice: sbatch -o /dev/null -N 99 --wrap=true 2>&1 | sed 's/ job .*//'
alice: sbatch -o /dev/null -n 999 --wrap=true 2>&1 | sed 's/ job .*//'
alice: sbatch -o /dev/null -N 2 -p big --wrap=true 2>&1 | sed 's/ job .*//'
alice: sbatch -o /dev/null -N 1-2 -p big --wrap=true 2>&1 | sed 's/ job .*//'
alice: sbatch -o /dev/null -t 2:00:00 -p big --wrap=true 2>&1 | sed 's/ job .*//'
alice: sbatch -o /dev/null -t UNLIMITED -p big --wrap=true 2>&1 | sed 's/ job .*//'
alice: sbatch -o /dev/null -t 2:00:00 --time-min=1:30:00 -p big --wrap=true 2>&1 | sed 's/ job .*//'
alice: sbatch -o /dev/null --mem=400 -p big --wrap=true 2>&1 | sed 's/ job .*//'
alice: sbatch -o /dev/null -t 2:00:00 --mem=900G -p big --wrap=true 2>&1 | sed 's/ job .*//'
alice: sbatch -o /dev/null -N 1-1 -p two --wrap=true 2>&1 | sed 's/ job .*//'
alice: sbatch -o /dev/null -w n2 -p one --wrap=true 2>&1 | sed 's/ job .*//'
alice: sbatch -o /dev/null -N 2 -p one --wrap=true 2>&1 | sed 's/ job .*//'
alice: sbatch -o /dev/null -n 8 -p one --wrap=true 2>&1 | sed 's/ job .*//'
alice: sbatch -o /dev/null -n 6 -p cpn --wrap=true 2>&1 | sed 's/ job .*//'
alice: sbatch -o /dev/null -c 3 -p cpn --wrap=true 2>&1 | sed 's/ job .*//'
alice: sbatch -o /dev/null -N 99 --array=1-3 --wrap=true 2>&1 | sed 's/ job .*//'
alice: sbatch -o /dev/null -N 99 --hold --wrap=true 2>&1 | sed 's/ job .*//'
alice: sbatch -o /dev/null -N 99 -C nofeature --wrap=true 2>&1 | sed 's/ job .*//'
alice: sbatch -o /dev/null -N 3 -w n1,n2 --wrap=true 2>&1 | sed 's/ job .*//'
alice: sbatch -o /dev/null -N 99 -t 200:00:00 -p big --wrap=true 2>&1 | sed 's/ job .*//'
alice: sbatch -o /dev/null -N1 : -p big -t 10-0 --wrap=true 2>&1 | sed 's/ job .*//'
alice: timeout 2 salloc -N 99 true 2>&1 | grep -v 'revoked\|aborted' | sed 's/ [0-9][0-9]*/ N/'
alice: timeout 2 srun -p big -N 2 true 2>&1 | grep -v 'revoked\|Terminated' | sed 's/ [0-9][0-9]*/ N/'
alice: sleep 1; squeue -h -S j,i -o '%P %D %C %T %r %R %o'
alice: scontrol -o show job $(squeue -h -p main -S i -o %A | head -1)
alice: scontrol -o show job $(squeue -h -p main -S i -o %A | sed -n 2p)
root: scontrol update partitionname=one nodes=n1,n2
root: scontrol update partitionname=big maxtime=180 maxnodes=2
alice: for i in $(seq 60); do sleep 0.5; squeue -h -p one,big -o '%r %l' | grep -qv 'MaxMem\|NodeLimit\|Config\|UNLIM\|8-08\|10-00' || squeue -h -p one | grep -q . || break; done; squeue -h -S j,i -o '%P %D %C %T %r'
alice: scancel -u alice; while squeue -h | grep -q .; do sleep 0.2; done
root: scontrol update partitionname=one state=down
alice: sbatch -o /dev/null -p one -N 99 --wrap=true 2>&1 | sed 's/ job .*//'
alice: sbatch -o /dev/null -p one --mem=900G --wrap=true 2>&1 | sed 's/ job .*//'
alice: sbatch -o /dev/null -p one -w n2 --wrap=true 2>&1 | sed 's/ job .*//'
alice: timeout 1 salloc -p one -c 5 true 2>&1 | head -1
alice: sleep 1; squeue -h -S i -o '%P %D %C %T %r'
