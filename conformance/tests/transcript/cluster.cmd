# The cluster at rest, as a person looks at it.
root: sinfo
root: sinfo -l
root: sinfo -N | sort
root: sinfo -N -l | sort
root: sinfo -s
root: sinfo -R
root: sinfo -a -p short -n n1
root: sinfo -p none
root: sinfo -t idle -h -o '%P|%a|%l|%D|%t|%N|%c|%z|%m|%d|%w|%f|%E|%C|%G|%B|%I|%L|%M|%p|%R|%s|%S|%T|%v|%X|%Y|%Z'
root: sinfo -h -O Partition,NodeList,StateLong,Available,CPUsState,Memory,Features_act,Gres,GresUsed,MaxCPUsPerNode,PreemptMode,PriorityTier,Root,Share,AllocNodes,DefaultTime,Groups
root: sinfo -h -N -O NodeHost,NodeAddr,Version,Weight,Port,Reason,User,Timestamp,Extra,Comment
root: squeue
root: squeue -h -t all
root: scontrol ping
alice: scontrol ping
root: scontrol show node
root: scontrol -o show node
root: scontrol show node n2
root: scontrol show node n9
root: scontrol show partition
root: scontrol -o show partition
root: scontrol show partition none
root: scontrol show job
root: scontrol -o show job
root: scontrol show job 9999
root: scontrol show step
root: scontrol show step 9999.0
root: scontrol show reservation
root: scontrol show config | sed '/^MPI Plugins/,/^$/d'
root: scontrol show daemons
root: scontrol show hostnames 'n[1-3,7],m1'
root: scontrol show hostlist n1,n2,n3,m1
root: scontrol show hostlistsorted n3,n1,n2
root: scontrol show licenses
root: scontrol show topology
root: scontrol show federation
root: scontrol show aliases
root: scontrol show bbstat
root: scontrol show burstbuffer
root: scontrol show dwstat
root: scontrol version
root: sdiag | sed -n 's/:.*//p' | grep -v '(' | grep -v Mean | sort -u
root: scontrol token
alice: scontrol token
alice: scontrol token username=bob
alice: sinfo -N | sort
alice: squeue --me
root: sprio
root: sshare
root: sreport cluster utilization
root: sacct
root: scrontab -l
root: strigger --get
# The last line, for slurmctld of 24.05 ends at it.
root: scontrol show assoc_mgr
