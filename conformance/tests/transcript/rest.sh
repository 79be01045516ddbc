#!/bin/sh
# rest METHOD PATH [TOKEN-FILE] < BODY: one request to slurmrestd, in the newest version of its data that it knows, with what
# is another number at each look taken out of the answer.
body=$(cat)
version=$(slurmrestd -d list 2>&1 | sed -n 's,.*data_parser/,,p' | sort | tail -1)
auth=rest_auth/local
header='X-Plain: yes'
if [ "$3" ]; then
    auth=rest_auth/jwt
    export SLURM_JWT=daemon
    header="X-SLURM-USER-TOKEN: $(sed 's/^SLURM_JWT=//' "$3")"
fi
request() {
    printf '%s /slurm/%s/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n' "$1" "$version" "$2" "$header"
    printf 'Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' ${#body} "$body"
}
request "$1" "$2" | slurmrestd -a $auth -s slurmctld 2>/dev/null |
    tr -d '\r' | sed -E '/"(last_sched_evaluation|last_backfill|accrue_time|free_mem)": \{/,/\}/d; /BACKFILL_ATTEMPTED|"source": "pipe|"latency"|"cpu_load"|Content-Length/d; s/[0-9]{10,}/TIME/; s/s[0-9A-Z]{13,}/SLUID/; s/,$//'
