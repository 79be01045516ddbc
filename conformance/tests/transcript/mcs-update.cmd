# Labels are altered since 25.05.
root: again 'MCSPlugin=mcs/user' 'MCSParameters=ondemand'
alice: sbatch -Q -J w1 -H -o /dev/null --wrap='sleep 300'
alice: sbatch -Q -J w2 -w n1 -o /dev/null --wrap='sleep 300'
root: running 1
bob: scontrol update job $(squeue -h -n w1 -o %A) mcslabel=alice 2>&1 | sed "s/ for job.*//"
alice: scontrol update job $(squeue -h -n w1 -o %A) mcslabel=bob 2>&1 | sed "s/ for job.*//"
alice: scontrol update job $(squeue -h -n w2 -o %A) mcslabel=alice 2>&1 | sed "s/ for job.*//"
alice: scontrol update job $(squeue -h -n w1 -o %A) mcslabel=alice; labels
alice: scontrol update job $(squeue -h -n w1 -o %A) mcslabel=; labels
root: again 'MCSPlugin=mcs/label'
alice: scontrol update job $(squeue -h -n w1 -o %A) mcslabel=any; labels
root: again 'MCSPlugin=mcs/none'
alice: scontrol update job $(squeue -h -n w1 -o %A) mcslabel=more; labels
alice: scontrol update job $(squeue -h -n w2 -o %A) mcslabel=more 2>&1 | sed "s/ for job.*//"
root: gone
