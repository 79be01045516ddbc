# Devices of n1 are all alike; those of n2 have a type, and a socket each.
alice: scontrol -d -o show node n1 | grep -o 'Gres.*' | cut -d' ' -f1-3; scontrol -d -o show node n2 | grep -o 'Gres.*' | cut -d' ' -f1-3
alice: srun -Q -w n1 --gres=gpu:2 env | grep -E 'GPU|CUDA|GRES' | sort
alice: srun -Q -w n1 -n1 --gres=gpu:1 env | grep -E 'GPU|CUDA' | sort
alice: sbatch -Q -W -w n1 --gres=gpu:3 -o b.out --wrap='env | grep -E "GPU|CUDA|GRES" | sort; srun -Q env | grep -E "STEP_GPU|CUDA"; srun -Q --gres=gpu:1 env | grep -E "STEP_GPU|CUDA"; srun -Q --gres=none env | grep -E "STEP_GPU|CUDA"; scontrol -d -o show job $SLURM_JOB_ID | grep -o " GRES=[^ ]*"; scontrol -d -o show node n1 | grep -o "GresUsed=[^ ]*"'; cat b.out
# Two jobs, and a third that waits for the devices of one.
alice: for i in 1 2; do sbatch -Q -w n1 -n1 --gres=gpu:2 -J two$i -o two$i.out --wrap='echo $CUDA_VISIBLE_DEVICES $SLURM_JOB_GPUS; sleep 300'; done; until [ $(squeue -h -t R | wc -l) = 2 ]; do sleep 0.2; done; sbatch -Q -w n1 -n1 --gres=gpu:1 -J three -o three.out --wrap='echo $CUDA_VISIBLE_DEVICES; sleep 300'; sleep 1; squeue -h -S j -o '%j %t %r %b'; cat two1.out two2.out
alice: scontrol -d -o show job | grep -o ' GRES=[^ ]*'; scontrol -d -o show node n1 | grep -o 'GresUsed=[^ ]*'; squeue -h -S j -O name:10,tres-alloc:60
alice: scancel -n two1; until squeue -h -t R -n three | grep -q three; do sleep 0.2; done; until [ -s three.out ]; do sleep 0.2; done; cat three.out; scontrol -d -o show node n1 | grep -o 'GresUsed=[^ ]*'
alice: scancel -u alice; until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; scontrol -d -o show node n1 | grep -o 'GresUsed=[^ ]*'
# Steps have some of what their job has.
alice: sbatch -Q -W -w n1 -n4 --mem=400 --gres=gpu:4 -o s.out --wrap='for i in 1 2; do srun -Q -n1 --exact --mem=100 --gres=gpu:2 sh -c "sleep 1; env | grep -E STEP_GPU" & done; wait; srun -Q -n1 --overlap --gres=gpu:1 sh -c "sleep 2; env | grep STEP_GPU" & srun -Q -n1 --overlap --gres=gpu:1 env | grep STEP_GPU; wait'; sort s.out
alice: sbatch -Q -W -w n1 -n2 --gres=gpu:4 -o s2.out --wrap='srun -Q -n2 --gpus-per-task=1 sh -c "echo \$SLURM_PROCID \$CUDA_VISIBLE_DEVICES" | sort; srun -Q -n2 --gpus-per-task=2 --gpu-bind=none sh -c "echo \$SLURM_PROCID \$CUDA_VISIBLE_DEVICES" | sort; srun -Q -n1 --gpus=3 env | grep STEP_GPU; srun -Q --gpus-per-node=2 -n1 env | grep STEP_GPU; srun -Q -n1 --gres=gpu:5 true 2>&1'; cat s2.out
# Types and cores.
alice: srun -Q -w n2 --gres=gpu:b:1 env | grep -E 'GPU|CUDA' | sort
alice: srun -Q -w n2 --gres=gpu:1 env | grep -E 'STEP_GPU|CUDA' | sort
alice: until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done; sbatch -Q -w n2 -n1 --gres=gpu:a:1,gpu:b:1 -o t.out --wrap='env | grep -E "JOB_GPU|CUDA" | sort; srun -Q env | grep -E "STEP_GPU" | sort; sleep 300'; until [ -s t.out ]; do sleep 0.2; done; sleep 1; cat t.out; scontrol -d -o show job | grep -o ' GRES=[^ ]*'; scontrol -d -o show node n2 | grep -o 'GresUsed=[^ ]*'; sbatch -Q -w n2 -n1 --gres=gpu:2 -o u.out --wrap='env | grep JOB_GPU; sleep 300'; until [ -s u.out ]; do sleep 0.2; done; cat u.out; scontrol -d -o show node n2 | grep -o 'GresUsed=[^ ]*'; scancel -u alice; until [ $(squeue -h | wc -l) = 0 ]; do sleep 0.2; done
alice: sbatch -Q -W -w n2 --exclusive -o x.out --wrap='env | grep JOB_GPU; scontrol -d -o show job $SLURM_JOB_ID | grep -o " GRES=[^ ]*"'; cat x.out
# Two nodes.
alice: srun -Q -N2 -n2 --gres=gpu:2 sh -c 'echo $SLURMD_NODENAME $CUDA_VISIBLE_DEVICES $SLURM_STEP_GPUS' | sort
alice: sbatch -Q -W -N2 -n2 --gres=gpu:2 -o n.out --wrap='srun -Q -N1 -n1 -r1 --gres=gpu:1 sh -c "echo \$SLURMD_NODENAME \$SLURM_STEP_GPUS"'; cat n.out
