# Steps and what they have, in all the ways that one can look at them. A step that follows another one closely may find
# its resources taken, and srun says so; how often depends on the clock, so it says it to nobody.
alice: salloc --no-shell -N2 -n4 --mem=1000 --gres=tape:2 -t 10 -J held
alice: srun --jobid=1 -n1 --pty sh -c 'echo in pty; tty | cut -c1-8; exit 4'
alice: srun -Q --jobid=1 -n2 -N2 -o out.%J.%t.%N -e err.%s.%n sh -c 'echo $SLURM_PROCID; echo e$SLURM_PROCID >&2'; ls out.* err.*; cat out.* err.*
alice: echo hello | srun -Q --jobid=1 -n2 -i none cat
alice: echo hello | srun -Q --jobid=1 -n2 -l -i 1 cat
alice: echo file > in.txt; srun -Q --jobid=1 -n2 -l -i in.txt cat | sort
alice: srun -Q --jobid=1 -n2 -l -o 0 echo x
alice: srun -Q --jobid=1 -n2 -u echo x
alice: printf '0 sh -c "exit 3"\n1 echo %%t %%o\n2-3 sh -c "exit 1"\n' > m.conf; srun -Q --jobid=1 -n4 --multi-prog m.conf 2>&1 | sort
alice: printf '0-1 echo %%t %%o\n' > m2.conf; srun -Q --jobid=1 -n4 --multi-prog m2.conf
alice: srun -Q --jobid=1 -n4 -l sh -c 'exit $SLURM_PROCID' 2>&1 | sort
alice: srun -Q --jobid=1 -n4 sh -c 'kill -9 $$' 2>&1 | sort; echo $?
alice: srun -Q --jobid=1 -n2 -K0 sh -c '[ $SLURM_PROCID = 0 ] && exit 7; sleep 1'; echo $?
alice: srun -Q --jobid=1 -n1 nonexistent 2>&1 | sed 's/^.*error: //' | sort
alice: srun -Q --jobid=1 -n1 -D /nonexistent pwd 2>&1 | sed 's/^.*error: //' | sort
alice: srun -Q --jobid=1 -J stepname -n2 -N2 --mem=100 sleep 100 > /dev/null 2>&1 & until squeue -s -h -j 1 | grep -q stepn; do sleep 0.2; done; squeue -s -h -j 1 -o '%j|%P|%u|%N|%A|%b'
alice: squeue -s -h -j 1 -O StepName:12,NumCPUs:4,NumTasks:4,Nodes:10,Partition:8,StepState:10,TimeLimit:10,tres-per-node:20,UserID:8,Network:8,Container:5
alice: squeue -s -h -j 1 -o '%all' | sed 's/0:[0-9][0-9]//; s/20[0-9T:-]*//; s/1\.[0-9]*//'
alice: scontrol show step 1 | sed 's/SrunHost.*//; s/1\.[0-9]*//'
alice: scontrol show step 1.99
alice: scontrol show step 2
alice: scontrol show step 2.0
alice: sstat -n -P -j 1 -o NTasks
alice: sstat -n -P -j 1.99 -o JobID,NTasks
alice: sstat -n -P -i -j 1 | sed 's/^1\.[0-9]*//; s/[0-9]*$//'
alice: sattach 1.99
alice: sattach --layout $(squeue -s -h -j 1 -o %i) | sed 's/[0-9]* task layout//'
alice: scancel --signal=USR1 1.99
bob: scancel $(squeue -s -h -j 1 -o %i) 2>&1 | sed 's/id [0-9.]*/id/'
alice: scancel -s CONT $(squeue -s -h -j 1 -o %i); sleep 0.5; squeue -s -h -j 1 | wc -l
alice: scancel $(squeue -s -h -j 1 -o %i); until [ $(squeue -s -h -j 1 | wc -l) = 0 ]; do sleep 0.2; done; echo gone
alice: srun -Q --jobid=1 -n1 sh -c 'sleep 2; for i in 1 2 3; do echo line $i; sleep 1; done' > /dev/null & sleep 1.5; timeout 10 sattach $(squeue -s -h -j 1 -o %i)
alice: srun -Q --jobid=1 -n2 -N2 env | grep -c RESV_PORTS=12
alice: srun -Q --jobid=1 -n2 -N2 --resv-ports=30 true
alice: srun -Q --jobid=1 -n2 -N2 --gres=tape:1 sh -c 'scontrol show step $SLURM_JOB_ID.$SLURM_STEP_ID' | grep TRES
alice: srun -Q --jobid=1 -n1 --gres=tape:3 true
alice: srun -Q --jobid=1 -n1 --gres=nope:3 true
alice: srun -Q --jobid=1 -n1 --gres=lic:1 true
alice: srun -Q --jobid=1 -n1 -w n1 --gres=none sh -c 'scontrol show step $SLURM_JOB_ID.$SLURM_STEP_ID' | grep TRES
alice: srun -Q --jobid=1 -n1 --mem=100 sh -c 'scontrol show step $SLURM_JOB_ID.$SLURM_STEP_ID' | grep TRES
alice: srun -Q --jobid=1 -n1 -w n2 sh -c 'scontrol show step $SLURM_JOB_ID.$SLURM_STEP_ID' | grep TRES
alice: begin=$(date +%s); for i in 1 2; do srun -Q --jobid=1 -n1 -N1 -w n1 --exact --mem=100 --gres=tape:1 sleep 3 & done; sleep 1; srun -Q --jobid=1 -n1 -N1 -w n1 --exact --mem=100 --gres=tape:1 echo third; echo waited $(( $(date +%s) - begin >= 3 ))
alice: srun -Q --jobid=1 -n4 sleep 3 & sleep 1; srun --jobid=1 -n4 --immediate=1 echo at once
alice: srun -Q --jobid=1 -n4 sleep 3 & sleep 1; srun --jobid=1 -n4 --overlap echo beside
alice: srun -Q --jobid=1 -t 100 -n1 sh -c 'scontrol show step $SLURM_JOB_ID.$SLURM_STEP_ID' | grep -o 'TimeLimit=.*'
alice: srun --jobid=99 true
bob: srun --jobid=1 true
alice: srun --jobid=1 -n1 --threads-per-core=9 true
alice: scancel 1; sleep 1; srun --jobid=1 true
