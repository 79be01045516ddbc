# The same where small jobs are favoured, nothing is made a part of the highest, running jobs count and all from their submission.
carol: sbatch -t 10 -N2 -n8 -o /dev/null --wrap 'sleep 300'
carol: until [ $(squeue -h -t R | wc -l) = 1 ]; do sleep 0.2; done; sleep 1
alice: sbatch -t 10 -n1 -o /dev/null --wrap true
alice: sbatch -t 5 -n4 --mem=500 -o /dev/null --wrap true
alice: sbatch -t 20 -N2 -n8 -o /dev/null --wrap true
bob: sbatch -t 60 -p fast -n2 --nice=50 -o /dev/null --wrap true
bob: sbatch -t 10 --begin=now+1hour -n1 -o /dev/null --wrap true
root: sleep 3; sprio -h -S i -o '%i %r %Y %A %J %N %P %S %T'
root: sprio -w -h
alice: scontrol -o show job 6 | grep -oE '(Priority|Nice)=[^ ]*'
