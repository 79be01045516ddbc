# Reservations: made, shown, altered and deleted, and every refusal on the way.
alice: scontrol show reservation
root: scontrol create reservation reservationname=one starttime=2030-01-01T00:00:00 duration=60 users=alice nodes=n1
alice: scontrol show reservation
alice: scontrol -o show reservation one
root: scontrol create reservation starttime=2030-01-02T00:00:00 endtime=2030-01-02T12:00:00 accounts=physics,math nodes=ALL flags=maint,ignore_jobs
root: scontrol create reservation starttime=2031-01-02T00:00:00 duration=1-00:00:00 users=-alice,-bob nodecnt=1 comment='a text' flags=daily
root: scontrol create reservation starttime=2032-01-02T00:00:00 duration=infinite groups=root nodecnt=2 partition=main flags=flex,magnetic,purge_comp=10:00
root: scontrol create reservation reservationname=part starttime=2033-01-02T00:00:00 duration=10 users=alice nodes=ALL partition=short flags=part_nodes,weekly
root: scontrol create reservation reservationname=cores starttime=2034-01-02T00:00:00 duration=10 users=alice nodecnt=1 corecnt=1
root: scontrol create reservation reservationname=tres starttime=2034-01-02T00:00:00 duration=10 users=alice tres=cpu=2,node=2
root: scontrol create reservation reservationname=feat starttime=2035-01-02T00:00:00 duration=10 users=alice nodecnt=1 features=fast
root: scontrol create reservation reservationname=lic starttime=2036-01-02T00:00:00 duration=10 users=alice licenses=fea:2 flags=any_nodes
root: scontrol create reservation reservationname=many starttime=2036-02-02T00:00:00 duration=10 users=alice nodecnt=1 flags=hourly,replace_down,user_delete,no_hold_jobs_after MaxStartDelay=5:00
alice: scontrol show reservation | sed 's/EndTime=2033-01-0[12]T[^ ]*/END/'
alice: sinfo -T | sed 's/  */ /g'
alice: sinfo -h -N -p main -o '%n %T %t'
alice: scontrol create reservation starttime=now duration=60 users=alice nodes=n1
alice: scontrol update reservation one duration=30
alice: scontrol delete reservation one
alice: scontrol delete reservation none
root: scontrol create reservation reservationname=one starttime=2029-01-01T00:00:00 duration=60 users=alice nodes=n1
root: scontrol create reservation starttime=2030-01-01T00:30:00 duration=60 users=alice nodes=n1
root: scontrol create reservation starttime=2030-01-01T00:30:00 duration=60 users=nobodyhere nodes=n1
root: scontrol create reservation starttime=2030-01-01T00:30:00 duration=60 users=alice,-bob nodes=n2
root: scontrol create reservation starttime=2030-01-01T00:30:00 duration=60 groups=nogroupofthat nodes=n2
root: scontrol create reservation starttime=2030-01-01T00:30:00 duration=60 groups=root users=alice nodes=n2
root: scontrol create reservation starttime=2030-01-01T00:30:00 duration=60 users=alice nodes=n9
root: scontrol create reservation starttime=2030-01-01T00:30:00 duration=60 users=alice nodecnt=9
root: scontrol create reservation starttime=2030-01-01T00:30:00 duration=60 users=alice nodecnt=2
root: scontrol create reservation starttime=2030-01-01T00:30:00 duration=60 users=alice nodecnt=2 corecnt=1
root: scontrol create reservation starttime=2030-01-01T00:30:00 duration=60 users=alice partition=none nodecnt=1
root: scontrol create reservation starttime=2030-01-01T00:30:00 duration=60 users=alice flags=part_nodes nodes=ALL
root: scontrol create reservation starttime=2030-01-01T00:30:00 duration=60 users=alice flags=daily,weekly nodes=n2
root: scontrol create reservation starttime=2030-01-01T00:30:00 duration=60 users=alice flags=replace nodes=n2
root: scontrol create reservation starttime=2030-01-01T00:30:00 duration=60 users=alice flags=replace,maint nodecnt=1
root: scontrol create reservation starttime=now duration=60 users=alice flags=time_float,daily nodes=n2
root: scontrol create reservation starttime=2030-01-01T00:30:00 duration=60 users=alice flags=any_nodes
root: scontrol create reservation starttime=2030-01-01T00:30:00 duration=60 users=alice licenses=none:1 nodes=n2
root: scontrol create reservation starttime=2036-01-02T00:00:00 duration=60 users=alice licenses=fea:9 flags=any_nodes
root: scontrol create reservation starttime=2001-01-01T00:30:00 duration=60 users=alice nodes=n2
root: scontrol create reservation starttime=2030-01-01T00:30:00 duration=60 users=alice features=nofeature nodecnt=1
root: scontrol create reservation starttime=2030-01-01T00:30:00 duration=60 users=alice tres=cups=1 nodecnt=1
root: scontrol create reservation starttime=2030-01-01T00:30:00 duration=60 users=alice tres=cpu=1 corecnt=1
root: scontrol update reservation none duration=30
root: scontrol update reservation one users+=bob
root: scontrol update reservation one users-=alice
root: scontrol update reservation one users-=carol
root: scontrol update reservation one duration=30 comment=later
root: scontrol update reservation one duration+=10
root: scontrol update reservation one starttime=2030-01-01T01:00:00
root: scontrol -o show reservation one
root: scontrol update reservation one endtime=2029-01-01T01:00:00
root: scontrol update reservation one nodes=n1,n2 flags=overlap
root: scontrol update reservation one nodes-=n1
root: scontrol -o show reservation one
root: scontrol update reservation one flags=daily
root: scontrol update reservation one flags=weekly
root: scontrol update reservation one flags-=daily
root: scontrol update reservation one flags=skip
root: scontrol update reservation one features=fast
root: scontrol update reservation one users=
root: scontrol update reservation one nodecnt=1
root: scontrol update reservation cores nodecnt=2
root: scontrol update reservation many nodes=n1
root: scontrol update reservation many flags=maint
root: scontrol update reservation lic licenses=fea:1
root: scontrol update reservation physics_2 accounts+=chemistry
root: scontrol update reservation physics_2 flags-=maint
root: scontrol show reservation
root: for r in one physics_2 alice_3 root_4 part cores tres feat lic many none; do scontrol delete reservation $r; done
root: scontrol show reservation
# One that is active.
root: scontrol create reservation reservationname=now starttime=now duration=600 users=alice nodes=n1 flags=ignore_jobs
root: for i in $(seq 100); do sinfo -h -n n1 -o %T | grep -q reserved && break; sleep 0.2; done
alice: sinfo -h -N -p main -o '%n %T %t'
alice: scontrol -o show node n1 | tr ' ' '\n' | grep -E 'State|ReservationName'
alice: scontrol -o show node n2 | tr ' ' '\n' | grep -E 'State|ReservationName'
alice: scontrol -o show reservation now | tr ' ' '\n' | grep -vE 'Time='
alice: sinfo -T -h -o '%R %i' | sed 's/  */ /g' | cut -d' ' -f1,2
bob: sbatch --reservation=now --wrap=true
bob: sbatch --reservation=none --wrap=true
alice: sbatch --reservation=now --hold --wrap=true | cut -d' ' -f1-3
root: scontrol update reservation now starttime=2030-01-01T00:00:00
root: scontrol update reservation now users=bob
alice: scontrol -o show job $(squeue -h -o %A -S i | tail -1) | tr ' ' '\n' | grep -E 'Reservation|Reason|JobState'
root: scontrol delete reservation now
alice: scontrol -o show job $(squeue -h -o %A -S i | tail -1) | tr ' ' '\n' | grep -E 'Reservation|Reason|JobState'
root: scontrol create reservation reservationname=m starttime=now duration=600 users=root nodes=n2 flags=maint,ignore_jobs
root: for i in $(seq 100); do sinfo -h -n n2 -o %T | grep -q maint && break; sleep 0.2; done
alice: sinfo -h -N -p main -o '%n %T %t'
root: scontrol update nodename=n2 state=drain reason=r
alice: sinfo -h -N -p main -o '%n %T %t'
root: scontrol update nodename=n2 state=resume
root: for i in $(seq 100); do sinfo -h -n n2 -o %T | grep -q '*' || break; sleep 0.2; done
root: scontrol delete reservation m
alice: sinfo -h -N -p main -o '%n %T %t'
# Jobs in and beside one.
root: scancel -u alice; scontrol delete reservation now; scontrol create reservation reservationname=r1 starttime=now duration=10 users=alice nodes=n1 partition=main
root: scontrol create reservation reservationname=r2 starttime=now+5minutes duration=10 users=alice nodes=n2
alice: srun --reservation=r1 -t 1 printenv SLURM_JOB_RESERVATION SLURMD_NODENAME
alice: srun -t 1 -N1 printenv SLURM_JOB_RESERVATION SLURMD_NODENAME
alice: srun --reservation=r1 -N2 -t 1 true
alice: srun --reservation=r1 -w n2 -t 1 true
bob: srun --reservation=r1 true
alice: sbatch -t 30 -w n2 --wrap=true | cut -d' ' -f1-3
alice: sbatch -t 30 -w n1 --wrap=true | cut -d' ' -f1-3
alice: sbatch -t 1 --reservation=r2 --wrap=true | cut -d' ' -f1-3
alice: sbatch -t 1 --reservation=r1,r2 --wrap='sleep 300' | cut -d' ' -f1-3
alice: for i in $(seq 50); do squeue -h -t r -o %A | grep -q . && break; sleep 0.2; done; sleep 3; squeue -h -S i -o '%v %t %r %R' | sed 's/  */ /g'
alice: for j in $(squeue -h -S i -o %A); do scontrol -o show job $j | tr ' ' '\n' | grep -E '^(Reservation|Reason|JobState|NodeList|Partition)='; done
alice: for j in $(squeue -h -S i -t pd -o %A); do scontrol update jobid=$j reservationname=none 2>&1 | sed 's/job .*//'; scontrol update jobid=$j reservationname=r1; scontrol -o show job $j | tr ' ' '\n' | grep ^Reservation=; done
root: scontrol delete reservation r1
root: scancel -u alice; for i in $(seq 50); do squeue -h | grep -q . || break; sleep 0.2; done; scontrol delete reservation r1; scontrol delete reservation r2; scontrol show reservation
