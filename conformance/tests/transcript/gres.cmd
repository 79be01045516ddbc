# Devices of n1 are all alike; those of n2 have a type, and a socket each.
alice: scontrol -d -o show node n1 | grep -o 'Gres.*' | cut -d' ' -f1-3; scontrol -d -o show node n2 | grep -o 'Gres.*' | cut -d' ' -f1-3
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; srun -Q -w n1 --gres=gpu:2 env | grep -E 'GPU|CUDA|GRES' | sort
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; srun -Q -w n1 -n1 --gres=gpu:1 env | grep -E 'GPU|CUDA' | sort
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sbatch -Q -W -w n1 --gres=gpu:3 -o b.out --wrap='env | grep -E "GPU|CUDA|GRES" | sort; srun -Q env | grep -E "STEP_GPU|CUDA"; srun -Q --gres=gpu:1 env | grep -E "STEP_GPU|CUDA"; srun -Q --gres=none env | grep -E "STEP_GPU|CUDA"; scontrol -d -o show job $SLURM_JOB_ID | grep -o " GRES=[^ ]*"; scontrol -d -o show node n1 | grep -o "GresUsed=[^ ]*"'; cat b.out
# Two jobs, and a third that waits for the devices of one.
alice: for i in 1 2; do sbatch -Q -w n1 -n1 --gres=gpu:2 -J two$i -o two$i.out --wrap='echo $CUDA_VISIBLE_DEVICES $SLURM_JOB_GPUS; sleep 300'; done; until [ $(squeue -h -t R | wc -l) = 2 ]; do sleep 0.2; done; sbatch -Q -w n1 -n1 --gres=gpu:1 -J three -o three.out --wrap='echo $CUDA_VISIBLE_DEVICES; sleep 300'; sleep 1; squeue -h -S j -o '%j %t %r %b'; cat two1.out two2.out
alice: scontrol -d -o show job | grep -o ' GRES=[^ ]*'; scontrol -d -o show node n1 | grep -o 'GresUsed=[^ ]*'; squeue -h -S j -O name:10,tres-alloc:60
alice: scancel -n two1; until squeue -h -t R -n three | grep -q three; do sleep 0.2; done; until [ -s three.out ]; do sleep 0.2; done; cat three.out; scontrol -d -o show node n1 | grep -o 'GresUsed=[^ ]*'
alice: scancel -u alice; until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; scontrol -d -o show node n1 | grep -o 'GresUsed=[^ ]*'
# Steps have some of what their job has.
# bash, for slurmstepd of 25.05 starts scripts with SIGCHLD blocked, and dash then waits for ever.
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; printf '#!/bin/bash\nfor i in 1 2; do srun -Q -n1 --exact --mem=100 --gres=gpu:2 sh -c "sleep 1; env | grep -E STEP_GPU" & done; wait; srun -Q -n1 --overlap --gres=gpu:1 sh -c "sleep 2; env | grep STEP_GPU" & srun -Q -n1 --overlap --gres=gpu:1 env | grep STEP_GPU; wait\n' > s.sh; sbatch -Q -W -w n1 -n4 --mem=400 --gres=gpu:4 -o s.out s.sh; sort s.out
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sbatch -Q -W -w n1 -n2 --gres=gpu:4 -o s2.out --wrap='srun -Q -n2 --gpus-per-task=1 sh -c "echo \$SLURM_PROCID \$CUDA_VISIBLE_DEVICES" | sort; srun -Q -n2 --gpus-per-task=2 --gpu-bind=none sh -c "echo \$SLURM_PROCID \$CUDA_VISIBLE_DEVICES" | sort; srun -Q -n1 --gpus=3 env | grep STEP_GPU; srun -Q --gpus-per-node=2 -n1 env | grep STEP_GPU; srun -Q -n1 --gres=gpu:5 true 2>&1'; cat s2.out
# Types and cores.
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; srun -Q -w n2 --gres=gpu:b:1 env | grep -E 'GPU|CUDA' | sort
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; srun -Q -w n2 --gres=gpu:1 env | grep -E 'STEP_GPU|CUDA' | sort
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sbatch -Q -w n2 -n1 --gres=gpu:a:1,gpu:b:1 -o t.out --wrap='env | grep -E "JOB_GPU|CUDA" | sort; srun -Q env | grep -E "STEP_GPU" | sort; sleep 300'; until [ -s t.out ]; do sleep 0.2; done; sleep 1; cat t.out; scontrol -d -o show job | grep -o ' GRES=[^ ]*'; scontrol -d -o show node n2 | grep -o 'GresUsed=[^ ]*'; sbatch -Q -w n2 -n1 --gres=gpu:2 -o u.out --wrap='env | grep JOB_GPU; sleep 300'; until [ -s u.out ]; do sleep 0.2; done; cat u.out; scontrol -d -o show node n2 | grep -o 'GresUsed=[^ ]*'; scancel -u alice; until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sbatch -Q -W -w n2 --exclusive -o x.out --wrap='env | grep JOB_GPU; scontrol -d -o show job $SLURM_JOB_ID | grep -o " GRES=[^ ]*"'; cat x.out
# Two nodes.
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; srun -Q -N2 -n2 --gres=gpu:2 sh -c 'echo $SLURMD_NODENAME $CUDA_VISIBLE_DEVICES $SLURM_STEP_GPUS' | sort
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sbatch -Q -W -N2 -n2 --gres=gpu:2 -o n.out --wrap='srun -Q -N1 -n1 -r1 --gres=gpu:1 sh -c "echo \$SLURMD_NODENAME \$SLURM_STEP_GPUS"'; cat n.out
# Asked for in all, for each task or each socket, and with CPUs and memory of their own.
alice: printf '#!/bin/sh\nenv | grep -E "^SLURM_JOB_GPU|^SLURM_GPU|^SLURM_CPUS_(ON|PER)" | sort\nscontrol -d -o show job $SLURM_JOB_ID | grep -oE " (NumNodes|NumCPUs|NumTasks|ReqTRES|AllocTRES|TresPer[A-Za-z]*|GRES|MinMemory[A-Za-z]*|CpusPerTres|MemPerTres|Mem)=[^ ]*"\nsrun -Q -l sh -c "echo \\$SLURMD_NODENAME \\$SLURM_STEP_GPUS \\$SLURM_CPUS_ON_NODE" | sort\nsrun -Q -n1 -N1 sh -c "scontrol show step \\$SLURM_JOB_ID.\\$SLURM_STEP_ID | grep -E TRES"' > g.sh
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sbatch -Q -W -w n1 -n1 --gpus=3 -o g1.out g.sh; cat g1.out
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sbatch -Q -W -w n1 -n2 --gpus-per-task=2 -o g2.out g.sh; cat g2.out
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sbatch -Q -W -w n1 --gpus-per-node=2 --cpus-per-gpu=2 -o g3.out g.sh; cat g3.out
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sbatch -Q -W -w n1 -n1 --gres=gpu:2 --mem-per-gpu=150 -o g4.out g.sh; cat g4.out
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sbatch -Q -W -N2 -n2 --gpus=3 -o g5.out g.sh; cat g5.out
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sbatch -Q -W -n2 --gpus=6 -o g6.out g.sh; cat g6.out
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sbatch -Q -W -n4 --gpus-per-task=1 -o g7.out g.sh; cat g7.out
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sbatch -Q -W -w n2 --gpus-per-socket=1 --sockets-per-node=2 -o g8.out g.sh; cat g8.out
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sbatch -Q -W -w n1 -n2 --gpus-per-task=1 --cpus-per-gpu=2 -o g9.out g.sh; cat g9.out
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sbatch -Q -W -w n1 --gpus=2 --ntasks-per-gpu=1 -o g10.out g.sh; cat g10.out
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sbatch -Q -n1 --gpus=9 --wrap=true; sbatch -Q -n1 --gres=gpu:5 --wrap=true; sbatch -Q --cpus-per-gpu=2 --wrap=true; sbatch -Q --mem-per-gpu=10 --wrap=true; sbatch -Q -n1 --gres=gpu:c:1 --wrap=true
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sbatch -Q -W -w n1 -n4 --mem=400 --gres=gpu:4 -o g11.out --wrap='srun -Q -n1 --gpus=2 --cpus-per-gpu=1 sh -c "scontrol show step \$SLURM_JOB_ID.\$SLURM_STEP_ID | grep TRES; echo \$SLURM_STEP_GPUS \$SLURM_CPUS_ON_NODE"; srun -Q -n2 --exact --gpus-per-task=1 --mem-per-gpu=50 sh -c "echo \$SLURM_STEP_GPUS \$CUDA_VISIBLE_DEVICES; [ \$SLURM_PROCID = 1 ] || scontrol show step \$SLURM_JOB_ID.\$SLURM_STEP_ID | grep TRES"'; sort g11.out
alice: for i in 1 2 3; do sbatch -Q -w n1 -n1 --gpus=2 -o /dev/null --wrap='sleep 300'; done; until [ $(squeue -h -t R | wc -l) = 2 ]; do sleep 0.2; done; sleep 1; squeue -h -S i -o '%t %r %b'; scancel -u alice; until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done
# A step's CPU frequency, and the daemons of another launcher.
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; srun -Q -w n1 --cpu-freq=Performance sh -c 'scontrol show step $SLURM_JOB_ID.$SLURM_STEP_ID | grep -oE "(CPUFreqReq|Governor)=.*"'
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sbatch -Q -W -N2 -n4 --gres=gpu:2 -o e.out --wrap='srun -Q --external-launcher sh -c "echo \$SLURMD_NODENAME \$SLURM_STEP_NUM_TASKS \$CUDA_VISIBLE_DEVICES \$SLURM_STEP_GPUS" | sort'; cat e.out
# Cores near the devices, as far as there are enough of them.
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; printf '#!/bin/sh\nscontrol -d show job $SLURM_JOB_ID | grep CPU_IDs; sleep ${1:-0}' > c.sh; for g in gpu:b:1 gpu:2; do for n in 1 2; do echo "$g -n$n"; sbatch -Q -W -w n2 -n$n --gres=$g -o c.out c.sh; cat c.out; until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; done; done
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; for i in 1 2 3 4; do sbatch -Q -w n2 -n1 --gres=gpu:1 -o p$i c.sh 300; until [ -s p$i ]; do sleep 0.2; done; done; cat p1 p2 p3 p4; scancel -u alice;  until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done
# Defaults of a partition.
alice: for o in '' '--mem=100' '-c1'; do until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sbatch -Q -W -p gpus -n1 --gres=gpu:2 $o -o d.out g.sh; cat d.out; done
