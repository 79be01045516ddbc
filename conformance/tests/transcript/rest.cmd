# slurmrestd as people's programs use it: everything that it can ask of a controller, and change.
alice: /etc/slurm/rest GET ping < /dev/null
alice: /etc/slurm/rest GET jobs < /dev/null
alice: /etc/slurm/rest GET nodes < /dev/null
alice: /etc/slurm/rest GET node/n1 < /dev/null
alice: /etc/slurm/rest GET node/n9 < /dev/null
alice: /etc/slurm/rest GET partitions < /dev/null
alice: /etc/slurm/rest GET partition/short < /dev/null
alice: /etc/slurm/rest GET partition/none < /dev/null
alice: /etc/slurm/rest GET licenses < /dev/null
alice: /etc/slurm/rest GET reservations < /dev/null
alice: /etc/slurm/rest GET reservation/none < /dev/null
alice: /etc/slurm/rest GET shares < /dev/null
alice: /etc/slurm/rest GET diag < /dev/null | sed '/"[a-z_]*": [0-9]/d; /"rpcs_by/,$d'
alice: /etc/slurm/rest GET job/99 < /dev/null
alice: /etc/slurm/rest POST job/submit < /dev/null
alice: echo '{"job": {"script": "no script"}}' | /etc/slurm/rest POST job/submit
alice: echo '{"script": "#!/bin/sh\nsleep 100\n", "job": {"name": "one", "current_working_directory": "/home/alice", "environment": ["PATH=/bin:/usr/bin", "A=b"], "tasks": 2, "time_limit": {"set": true, "number": 10}, "memory_per_node": {"set": true, "number": 100}, "comment": "over REST", "licenses": "matlab:1", "required_nodes": ["n1"]}}' | /etc/slurm/rest POST job/submit
alice: echo '{"job": {"script": "#!/bin/sh\ntrue\n", "name": "many", "current_working_directory": "/home/alice", "environment": ["PATH=/bin"], "array": "0-9%2", "hold": true, "constraints": "fast", "minimum_nodes": 2, "cpus_per_task": 2, "nice": 5, "dependency": "afterok:1", "standard_output": "/home/alice/many.%a", "argv": ["a", "b c"], "begin_time": {"set": true, "number": 2051222400}, "mail_user": "bob", "mail_type": ["END"], "kill_on_node_fail": false, "exclusive": ["true"]}}' | /etc/slurm/rest POST job/submit
alice: echo '{"jobs": [{"script": "#!/bin/sh\ntrue\n", "name": "first", "current_working_directory": "/tmp", "environment": ["PATH=/bin"], "hold": true}, {"name": "second", "current_working_directory": "/tmp", "environment": ["PATH=/bin"], "hold": true}]}' | /etc/slurm/rest POST job/submit
alice: echo '{"job": {"script": "#!/bin/sh\ntrue\n", "partition": "none", "current_working_directory": "/tmp", "environment": ["PATH=/bin"]}}' | /etc/slurm/rest POST job/submit
alice: echo '{"job": {"name": "alloc", "current_working_directory": "/tmp", "environment": ["PATH=/bin"], "required_nodes": ["n2"], "tasks": 1, "time_limit": {"set": true, "number": 5}}}' | /etc/slurm/rest POST job/allocate
alice: until [ $(squeue -h -t R | wc -l) -ge 1 ]; do sleep 0.2; done
alice: /etc/slurm/rest GET job/1 < /dev/null
alice: /etc/slurm/rest GET job/2 < /dev/null
alice: /etc/slurm/rest GET 'job/2_3' < /dev/null
alice: /etc/slurm/rest GET jobs < /dev/null
alice: /etc/slurm/rest GET 'jobs?flags=DETAIL' < /dev/null
alice: /etc/slurm/rest GET 'jobs?update_time=2051222400' < /dev/null
alice: /etc/slurm/rest GET jobs/state < /dev/null
alice: /etc/slurm/rest GET 'jobs/state?job_id=1,2' < /dev/null
alice: /etc/slurm/rest GET 'jobs/state?job_id=2_4' < /dev/null
alice: /etc/slurm/rest GET 'jobs/state?job_id=77' < /dev/null
alice: /etc/slurm/rest GET licenses < /dev/null
# Until somebody asks for all nodes, stock has what they had before.
alice: sinfo > /dev/null
alice: /etc/slurm/rest GET node/n1 < /dev/null
alice: echo '{"comment": "changed", "time_limit": {"set": true, "number": 5}, "nice": 7}' | /etc/slurm/rest POST job/1
alice: echo '{"priority": {"set": true, "number": 77}}' | /etc/slurm/rest POST job/1
bob: echo '{"comment": "not mine"}' | /etc/slurm/rest POST job/1
alice: echo '{"time_limit": {"set": true, "number": 50}, "hold": false}' | /etc/slurm/rest POST job/2
alice: echo '{"comment": "none"}' | /etc/slurm/rest POST job/99
alice: sleep 2
alice: /etc/slurm/rest GET job/2 < /dev/null
alice: /etc/slurm/rest DELETE 'job/1?signal=SIGUSR2' < /dev/null
alice: /etc/slurm/rest DELETE job/2_1 < /dev/null
alice: echo '{"jobs": ["2_2", "2_3", "99"]}' | /etc/slurm/rest DELETE jobs/
alice: echo '{"job_name": "many", "user_name": "alice", "partition": "main"}' | /etc/slurm/rest DELETE jobs/
alice: /etc/slurm/rest DELETE job/1 < /dev/null
alice: /etc/slurm/rest DELETE job/99 < /dev/null
alice: until [ $(squeue -h -t CG,R -n one | wc -l) = 0 ]; do sleep 0.2; done
alice: /etc/slurm/rest GET job/1 < /dev/null
alice: scontrol token lifespan=100 > token; /etc/slurm/rest GET ping token < /dev/null
alice: sed 's/.....$//' token > bad; /etc/slurm/rest GET ping bad < /dev/null; /etc/slurm/rest GET jobs bad < /dev/null
alice: /etc/slurm/rest GET reconfigure token < /dev/null
alice: echo '{"state": ["DRAIN"], "reason": "by alice"}' | /etc/slurm/rest POST node/n1 token
alice: scontrol token username=root lifespan=100
root: scontrol token lifespan=600 > /tmp/token; chmod 644 /tmp/token
bob: echo '{"features": ["x", "y"]}' | /etc/slurm/rest POST node/n1 /tmp/token
bob: echo '{"features": ["x", "y"], "features_act": ["y"]}' | /etc/slurm/rest POST node/n1 /tmp/token
bob: echo '{"state": ["DRAIN"], "reason": "by REST", "comment": "c", "weight": {"set": true, "number": 9}}' | /etc/slurm/rest POST node/n1 /tmp/token
bob: sinfo > /dev/null
bob: /etc/slurm/rest GET node/n1 /tmp/token < /dev/null
bob: echo '{"state": ["RESUME"]}' | /etc/slurm/rest POST node/n1 /tmp/token
bob: echo '{"nodes": "n9", "state": ["DRAIN"], "reason": "r"}' | /etc/slurm/rest POST nodes/ /tmp/token
bob: /etc/slurm/rest GET reconfigure /tmp/token < /dev/null
bob: /etc/slurm/rest DELETE node/n1 /tmp/token < /dev/null
root: scontrol -Q create reservation=maint starttime=2035-01-01T00:00:00 duration=60 nodes=n1 user=alice
bob: /etc/slurm/rest GET reservation/maint /tmp/token < /dev/null
bob: /etc/slurm/rest GET nodes /tmp/token < /dev/null
alice: echo '{"job": {"script": "#!/bin/sh\ntrue\n", "memory_per_node": {"set": true, "number": 99999999}, "current_working_directory": "/tmp", "environment": ["PATH=/bin"]}}' | /etc/slurm/rest POST job/submit
alice: /etc/slurm/rest GET hubbub < /dev/null
alice: scancel -u alice
