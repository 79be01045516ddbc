# Where the tasks of steps stand on nodes of 4, 8 (two sockets, two threads) and 2 CPUs.
alice: salloc --no-shell -N3 --exclusive -t 10
alice: scontrol -d -o show job 1
alice: srun -Q --jobid=1 -l hostname -s | sort -n
alice: srun -Q --jobid=1 -n7 -l hostname -s | sort -n
alice: srun -Q --jobid=1 -n9 -m plane=3 -l hostname -s | sort -n
alice: srun -Q --jobid=1 -n5 -m block,Pack -l hostname -s | sort -n
alice: srun -Q --jobid=1 -n5 -m block:fcyclic,NoPack -l hostname -s | sort -n
alice: srun -Q --jobid=1 -n4 -c2 -l hostname -s | sort -n
alice: srun -Q --jobid=1 -n3 -c4 -l hostname -s | sort -n
alice: srun -Q --jobid=1 -n6 -c2 -m cyclic -l hostname -s | sort -n
alice: srun -Q --jobid=1 --ntasks-per-node=2 -l hostname -s | sort -n
alice: srun -Q --jobid=1 -N2 --ntasks-per-node=2 -l hostname -s | sort -n
alice: srun -Q --jobid=1 -N2 -r1 -l hostname -s | sort -n
alice: srun -Q --jobid=1 -w n2 -l hostname -s
alice: srun -Q --jobid=1 -w n[2-3] -n4 -l hostname -s | sort -n
alice: srun -Q --jobid=1 -w n3 -N2 -n4 -l hostname -s | sort -n
alice: srun -Q --jobid=1 -w n4 -n1 -l hostname -s
alice: srun -Q --jobid=1 -x n1 -l hostname -s | sort -n
alice: srun -Q --jobid=1 -x n1 -N3 -l hostname -s | sort -n
alice: srun -Q --jobid=1 -x n1 -w n1 -n2 -l hostname -s | sort -n
alice: srun -Q --jobid=1 -C big -n2 -N1 -l hostname -s | sort -n
alice: srun -Q --jobid=1 -n15 -l hostname -s | sort -n
alice: srun -Q --jobid=1 -n15 -O -l hostname -s | sort -n
alice: srun -Q --jobid=1 -N1 -n9 -l hostname -s | sort -n
alice: srun -Q --jobid=1 -N2 -n12 -l hostname -s | sort -n
alice: srun -Q --jobid=1 -m arbitrary -w n3,n1,n3,n2,n1 -l hostname -s | sort -n
alice: srun -Q --jobid=1 -n3 -m arbitrary -w n3,n1,n3 -l hostname -s | sort -n
alice: srun -Q --jobid=1 --ntasks-per-core=1 -n7 -l hostname -s | sort -n
alice: srun -Q --jobid=1 --ntasks-per-core=1 -w n2 -n6 -l hostname -s | sort -n
alice: srun -Q --jobid=1 --threads-per-core=1 -n6 -l hostname -s | sort -n
alice: srun -Q --jobid=1 --ntasks-per-socket=1 -N2 -w n[1-2] -l hostname -s | sort -n
alice: srun -Q --jobid=1 --ntasks-per-socket=2 -n4 -w n2 -l hostname -s | sort -n
alice: srun -Q --jobid=1 --ntasks-per-node=2 -n6 -m cyclic -l hostname -s | sort -n
alice: srun -Q --jobid=1 -n3 -c3 --exact -l hostname -s | sort -n
alice: srun -Q --jobid=1 -n3 -N1 --mem-per-cpu=600 -l hostname -s | sort -n
