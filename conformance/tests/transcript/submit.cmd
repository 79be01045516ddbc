# What sbatch takes and refuses, and what becomes of it. `s` submits a held job, shows it without its number, and ends it.
alice: printf '#!/bin/sh\no=$(sbatch --hold "$@" 2>&1); c=$?; n=$(echo "$o" | sed -n "s/.*job \\([0-9]*\\).*/\\1/p"); echo "$o" | sed "s/job [0-9]*/job N/"; [ $c = 0 ] && scontrol -o show job $n | sed "s/=$n\\b/=N/g; s/slurm-$n/slurm-N/g" && scancel $n\n' > s; chmod +x s
alice: mkdir -p d; printf '#!/bin/sh\n#SBATCH -J scripted -t 3 -o %%x.%%j.out\n#SBATCH --comment="two words"\n#SBATCH --nonsense\necho hi\n' > bad.sh; sbatch bad.sh
alice: printf '#!/bin/sh\n#SBATCH -J scripted -t 3 -o %%x.%%j.out\n#SBATCH --comment="two words"\necho hi $1 $2\n#SBATCH -J notthis\n' > good.sh; sbatch --hold good.sh a "b c"
alice: printf '#!/bin/sh\necho from stdin $0\n' | sbatch --hold -o stdin.out
alice: printf '#!/bin/sh\necho from stdin $0\n' | sbatch --hold -o stdin.out /dev/stdin
alice: printf 'echo no shebang\n' | sbatch
alice: printf '\n#!/bin/sh\necho late shebang\n' | sbatch
alice: printf '#!/bin/sh\r\necho dos\r\n' | sbatch
alice: printf '#!/bin/sh\necho \0 nul\n' | sbatch
alice: sbatch --wrap=true --hold job.sh
alice: sbatch --wrap=true --hold --parsable
alice: sbatch --wrap='' --hold
alice: ./s --chdir=/nonexistent --wrap='pwd'
alice: ./s --open-mode=bad --wrap=true
alice: ./s --signal=B: --wrap=true
alice: ./s --signal=B:USR1 --wrap=true
alice: ./s --signal=USR1@70000 --wrap=true
alice: ./s --signal=nosig@10 --wrap=true
alice: ./s --signal=BR:10@10 --wrap=true
alice: ./s --get-user-env --wrap='env'
alice: ./s --get-user-env=5L --wrap='env'
alice: ./s --export=A=1,B --wrap='env'
alice: ./s --export-file=nofile --wrap=env
alice: ./s --export=NIL --wrap=env
alice: ./s --priority=10 --wrap=true
alice: ./s --priority=TOP --wrap=true
root: sbatch --hold --priority=10 --wrap=true
root: sbatch --uid=bob --gid=bob --hold --wrap=true
root: sbatch --uid=99999 --hold --wrap=true
alice: ./s --nice --wrap=true
alice: ./s --nice=2147483648 --wrap=true
alice: ./s --mail-type=NONE --wrap=true
alice: ./s --mail-type=ALL,NONE --wrap=true
alice: ./s --mail-type=bad --wrap=true
alice: ./s --mail-type=TIME_LIMIT_50,ARRAY_TASKS,STAGE_OUT --mail-user=x --wrap=true
alice: ./s --profile=all --wrap=true
alice: ./s --profile=bad --wrap=true
alice: ./s --acctg-freq=bad --wrap=true
alice: ./s --power=level --wrap=true
alice: ./s --reboot --wrap=true
alice: ./s --switches=1@10 --wrap=true
alice: ./s --cluster-constraint=x --wrap=true
alice: ./s -M other --wrap=true
alice: ./s --cpu-freq=high --wrap=true
alice: ./s --bb=x --wrap=true
alice: ./s --bbf=nofile --wrap=true
alice: ./s --container=/x --wrap=true
alice: ./s --container-id=xx --wrap=true
alice: ./s --prefer=amd --wrap=true
alice: ./s --prefer=nope --wrap=true
alice: ./s --tres-bind=gres/gpu:closest --wrap=true
alice: ./s --tres-per-task=cpu=2 --wrap=true
alice: ./s --tres-per-task=gres/gpu=1 --wrap=true
alice: ./s --tres-per-task=license/x=1 --wrap=true
alice: ./s --ntasks-per-gpu=2 --wrap=true
alice: ./s -n4 --ntasks-per-node=3 -N1 --wrap=true
alice: ./s -n4 -N2-1 --wrap=true
alice: ./s -n0 --wrap=true
alice: ./s -c0 --wrap=true
alice: ./s --mem=0 --wrap=true
alice: ./s --mem=100 --mem-per-cpu=20 --wrap=true
alice: ./s --time=bad --wrap=true
alice: ./s -t 10 --time-min=20 --wrap=true
alice: ./s -t 1-0:0:0 --wrap=true
alice: ./s --begin=midnight --wrap=true
alice: ./s --begin=now+1hour --wrap=true
alice: ./s --begin=2001-01-01 --wrap=true
alice: ./s --deadline=now+1minute -t 10 --wrap=true
alice: ./s --deadline=now+1minute --time-min=1 -t10 --wrap=true
alice: ./s --array=5-1 --wrap=true
alice: ./s --array=1,1,2 --wrap=true
alice: ./s --array=a --wrap=true
alice: ./s --array=1-4%0 --wrap=true
alice: ./s --array=0-3:0 --wrap=true
alice: ./s --array=[1-2] --wrap=true
alice: ./s --array=1001 --wrap=true
alice: ./s --array= --wrap=true
alice: ./s -C 'amd&fast' --wrap=true
alice: ./s -C '[amd*1&fast*1]' -N2 --wrap=true
alice: ./s -C 'amd|' --wrap=true
alice: ./s -C 'amd&(fast' --wrap=true
alice: ./s -w n[1-2] -N1 --wrap=true
alice: ./s -w n1,n1 --wrap=true
alice: ./s -x n1,n2 --wrap=true
alice: ./s -F nofile --wrap=true
alice: ./s -w './hosts' --wrap=true
alice: ./s -d after:1+5 --wrap=true
alice: ./s -d 'afterok:1?afterany:2' --wrap=true
alice: ./s -d 'afterok:1?afterany:2,afterok:3' --wrap=true
alice: ./s -d aftercorr:1 --wrap=true
alice: ./s -d afterburstbuffer:1 --wrap=true
alice: ./s -d expand:1 --wrap=true
alice: ./s -d afterok:1_2 --wrap=true
alice: ./s -d '1' --wrap=true
alice: ./s -d '' --wrap=true
alice: ./s --gres-flags=bad --wrap=true
alice: ./s --exclusive=user --wrap=true
alice: ./s --exclusive=topo --wrap=true
alice: ./s --exclusive=bad --wrap=true
alice: ./s --distribution=bad --wrap=true
alice: ./s --distribution=plane --wrap=true
alice: ./s --hint=nomultithread --wrap=true
alice: ./s --hint=bad --wrap=true
alice: ./s -S 2 --wrap=true
alice: ./s --thread-spec=2 --wrap=true
alice: ./s --resv-ports=1 --wrap=true
alice: ./s --mcs-label=x --wrap=true
alice: ./s -H --oom-kill-step=1 --wrap=true
alice: ./s --stepmgr --wrap=true
alice: ./s -J "$(head -c 300 /dev/zero | tr '\0' j)" --wrap=true
alice: ./s --comment="$(head -c 2000 /dev/zero | tr '\0' j)" --wrap=true
alice: ./s --mem=100 --acctg-freq=60 --wrap=true
alice: ./s --mem=100 --acctg-freq=task=20,energy=60 --wrap=true
alice: ./s --mem=100 --acctg-freq=0 --wrap=true
alice: ./s --acctg-freq=0 --mem=0 --wrap=true
alice: ./s --switches=1@3 --wrap=true
alice: ./s --switches=2 --wrap=true
alice: ./s -L lic:1 --tres-per-task=license/lic=2 -n2 --wrap=true
alice: ./s --tres-per-task=license/lic=3 -n2 --wrap=true
alice: ./s --tres-per-task=license/lic=2 --wrap=true
alice: ./s --tres-per-task=license/other=2 --wrap=true
alice: ./s '--prefer=amd|new' --wrap=true
alice: scontrol update jobid=1 prefer=nope
alice: scontrol update jobid=1 prefer=fast
alice: scontrol update jobid=1 switches=1@20:00
alice: scontrol update jobid=1 features='fast|'
alice: scontrol update jobid=1 features='nope&fast'
alice: scontrol --oneliner show job 1
# What waits for an array, and for what never comes.
alice: sbatch --hold --array=1-3 -J arr --wrap=true | sed 's/[0-9][0-9]*/N/'
alice: ./s -d aftercorr:$(squeue -h -n arr -o %A) --wrap=true | sed 's/after\([a-z]*\):[0-9]*/after\1:N/g'
alice: ./s -d afterok:$(squeue -h -n arr -o %A)_2 --wrap=true | sed 's/after\([a-z]*\):[0-9]*/after\1:N/g'
alice: ./s -d "afterok:$(squeue -h -n arr -o %A)_*" --wrap=true | sed 's/after\([a-z]*\):[0-9]*/after\1:N/g'
alice: scontrol update jobid=$(squeue -h -n arr -o %A) arraytaskthrottle=bad
alice: scontrol update jobid=$(squeue -h -n arr -o %A) arraytaskthrottle=-1 2>&1 | sed 's/[0-9][0-9]*/N/'
alice: scontrol update jobid=$(squeue -h -n arr -o %A) arraytaskthrottle=2x; squeue -h -n arr -o %K
alice: sbatch -Q --hold -d afternotok:1 -J gone --wrap=true; scancel -n gone; squeue -h -t CA -n gone -o '%j %T %E'
