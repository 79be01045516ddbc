# What priorities are made of without accounting: size, partition, TRES, nice and the site's own; ages and shares count for nothing.
root: scontrol show config | grep -E '^Priority|SiteFactor'
root: sprio
root: sprio -w
# Nodes are full, so that the others wait.
carol: sbatch -t 10 -N2 -n8 -o /dev/null --wrap 'sleep 300'
carol: until [ $(squeue -h -t R | wc -l) = 1 ]; do sleep 0.2; done; sleep 1
alice: sbatch -t 10 -n1 -o /dev/null --wrap true
alice: sbatch -t 10 -n4 --mem=500 -o /dev/null --wrap true
alice: sbatch -t 10 -N2 -n8 -o /dev/null --wrap true
bob: sbatch -t 10 -p fast -n1 -o /dev/null --wrap true
bob: sbatch -t 60 -p fast -n2 --nice=50 -o /dev/null --wrap true
bob: sbatch -t 60 -p fast,main -n2 -o /dev/null --wrap true
bob: sbatch -t 60 -p slow -n2 -o /dev/null --wrap true
root: sbatch -t 10 -n1 --uid=bob --priority=1234 -o /dev/null --wrap true
bob: sbatch -t 10 --hold -n1 -o /dev/null --wrap true
bob: sbatch -t 10 --begin=now+1hour -n1 -o /dev/null --wrap true
alice: sbatch -t 10 -n1 --array=1-3 -o /dev/null --wrap true
root: sleep 3; sprio -h -S i
root: sprio -l -S i
root: sprio -n -h -S i
root: sprio -h -S i -o '%i %r %u %Y %y %A %a %B %b %F %f %J %j %N %n %P %p %Q %q %S %T %t'
root: sprio -j 3
root: sprio -j 3,4 -S i
root: sprio -u bob -h -S i
root: sprio -p fast -h -S i
alice: sprio -h -S -Y,i -o '%i %Y'
alice: squeue -h -t PD -S i -o '%i %P %Q %p %y' | grep -v fast,main
alice: squeue -h -t PD -S -p,i -o '%i' | grep -v 7
alice: scontrol --oneliner show job 2 | grep -oE '(Priority|Nice|SiteFactor|AccrueTime)=[^ ]*'
# What alters them.
root: scontrol update job 3 nice=-100
alice: scontrol update job 2 nice=7
alice: scontrol update job 2 nice=-7
root: scontrol update job 4 sitefactor=300
alice: scontrol update job 4 sitefactor=400
root: scontrol update job 5 priority=77
root: scontrol update job 5 nice=5
bob: until scontrol update job 8 partition=fast 2> /dev/null; do sleep 0.5; done
bob: scontrol hold 6; scontrol release 6
root: sleep 2; sprio -h -S i -o '%i %r %Y %J %N %P %S %T'
alice: squeue -h -t PD -S i -o '%i %P %Q %y' | grep -v fast,main
root: scontrol release 5; sleep 1; sprio -h -j 5 -o '%i %r %Y %P %N'
bob: scontrol release 10; scontrol update job 10 priority=3
bob: sleep 2; sprio -h -j 10 -o '%i %r %Y'
root: scontrol show job 4 | grep -i sitefactor
