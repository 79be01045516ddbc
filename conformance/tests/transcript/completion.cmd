# What JobCompLoc says of jobs that have ended, however they did.
alice: sbatch -Q -J done -w n1 -c2 --mem=100 -t 5 -o /dev/null --wrap='srun true'
alice: sbatch -Q -J failed -o /dev/null -D /tmp --wrap='exit 3'
alice: sbatch -Q -J killed -o /dev/null --wrap='kill -9 $$'
alice: sbatch -Q -J waiting --begin=2035-01-01T00:00:00 --wrap=true; scancel -n waiting
alice: sbatch -Q -J both -N2 -n3 --comment=c -o /dev/null --wrap='srun hostname'
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sleep 1
alice: sbatch -Q -J long -o /dev/null --wrap='sleep 100'
alice: until [ $(squeue -h -t R | wc -l) = 1 ]; do sleep 0.2; done; sleep 2; scontrol requeue 6; sleep 1; scancel 6
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sleep 1
alice: sbatch -Q -J cancelled -o /dev/null --wrap='sleep 100'
alice: until [ $(squeue -h -t R | wc -l) = 1 ]; do sleep 0.2; done; scancel 7
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sleep 1
alice: sbatch -Q -J many --array=1-2 -w n1 --exclusive -o /dev/null --wrap=true
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sleep 1
alice: sbatch -Q -J parts -o /dev/null --wrap=true : -n2
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sleep 1
alice: srun -Q -J one -w n2 -L matlab hostname
alice: salloc -Q -J two -p short -t 30 true
alice: sbatch -Q -J shrink -N2 -o /dev/null --wrap='sleep 2; scontrol update jobid=$SLURM_JOB_ID numnodes=1; sleep 2'
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sleep 1
# A limit that is not there is told as none or as a year, as its scheduler has it. The order is that of their ends.
alice: sort -V /var/log/slurm/jobcomp.log | sed -E 's/Time=20[^ ]*/Time=T/g; s/Limit=(UNLIMITED|525600)/Limit=NONE/'
alice: ls -l /var/log/slurm/jobcomp.log | cut -c1-10
root: sacct -c -X -o jobid,jobname,partition,user,state,nnodes,nodelist -j 1,2,5
