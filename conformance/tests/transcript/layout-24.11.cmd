# Up to 25.11 the next step begins to look after the last one's nodes; 26.05 goes by its topology's ranks. From 25.05 on a step
# that asks for more memory than its job has waits for ever.
alice: srun -Q --jobid=1 -N1 -n1 -l hostname -s
alice: srun -Q --jobid=1 -n1 -l hostname -s
alice: srun -Q --jobid=1 -n2 -l hostname -s | sort -n
alice: srun -Q --jobid=1 -N1-2 -n3 -l hostname -s | sort -n
alice: srun -Q --jobid=1 -n3 --mem=2001 -l hostname -s | sort -n
